import torch
from torch import nn
from torch.nn.functional import max_pool2d, pad


def double(inputs, filters):
    return nn.Sequential(nn.Conv2d(inputs, filters, 3), nn.ReLU(), nn.Conv2d(filters, filters, 3), nn.ReLU())


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([double(1, 64), double(64, 128), double(128, 256), double(256, 512)])
        self.bottom = double(512, 1024)
        self.up = nn.ModuleList(
            nn.ModuleList([nn.ConvTranspose2d(2 * filters, filters, 2, 2), double(2 * filters, filters)])
            for filters in [512, 256, 128, 64]
        )
        self.head = nn.Conv2d(64, 2, 1)

    def forward(self, x):
        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
            x = max_pool2d(x, 2)
        x = self.bottom(x)
        for up, block in self.up:
            x, skip = up(x), skips.pop()
            edge = (skip.shape[2] - x.shape[2]) // 2
            x = block(torch.cat([pad(skip, [-edge] * 4), x], 1))
        return self.head(x)


unet = UNet()
