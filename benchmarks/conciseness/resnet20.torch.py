from torch import nn, relu


def conv_bn(inputs, filters, kernel=3, stride=1):
    return nn.Sequential(
        nn.Conv2d(inputs, filters, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(filters),
    )


class Block(nn.Module):
    def __init__(self, inputs, filters, stride=1):
        super().__init__()
        self.conv1 = conv_bn(inputs, filters, stride=stride)
        self.conv2 = conv_bn(filters, filters)
        self.shortcut = conv_bn(inputs, filters, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        y = self.conv2(relu(self.conv1(x)))
        return relu(y + self.shortcut(x))


def stage(inputs, filters, stride):
    return nn.Sequential(
        Block(inputs, filters, stride),
        Block(filters, filters),
        Block(filters, filters),
    )


resnet20 = nn.Sequential(
    conv_bn(3, 16),
    nn.ReLU(),
    stage(16, 16, 1),
    stage(16, 32, 2),
    stage(32, 64, 2),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(64, 10),
)
