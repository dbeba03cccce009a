from torch import nn


def conv_bn(inputs, filters, kernel, stride=1, groups=1):
    return nn.Sequential(
        nn.Conv2d(inputs, filters, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(filters),
        nn.ReLU(),
    )


def separable(inputs, filters, stride=1):
    return nn.Sequential(
        conv_bn(inputs, inputs, 3, stride, groups=inputs),
        conv_bn(inputs, filters, 1),
    )


mobilenet = nn.Sequential(
    conv_bn(3, 32, 3, 2),
    separable(32, 64),
    separable(64, 128, 2),
    separable(128, 128),
    separable(128, 256, 2),
    separable(256, 256),
    separable(256, 512, 2),
    *(separable(512, 512) for _ in range(5)),
    separable(512, 1024, 2),
    separable(1024, 1024),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(1024, 1000),
)
