from torch import nn


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        layers = []
        for inputs, filters in [(3, 32), (32, 64), (64, 128)]:
            layers += [nn.Conv2d(inputs, filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        self.trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.kind = nn.Linear(128, 5)
        self.age = nn.Linear(128, 1)

    def forward(self, x):
        x = self.trunk(x)
        return self.kind(x), self.age(x)


two_heads = TwoHeads()
