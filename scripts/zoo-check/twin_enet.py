"""A twin of ENet, written from its description.

Comes in: nothing. Goes out: the network with 12 classes, and a function that runs it on images [n, 3, h, w] and gives
scores [n, 12, h, w].
"""

import torch
from torch import nn
from torch.nn import functional

CLASSES = 12


def act(learned):
    return nn.PReLU() if learned else nn.ReLU()


def layer(inputs, outputs, kernel, learned, stride=1, dilation=1):
    """Convolution, batch norm, activation."""
    rows, columns = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    padding = 0 if stride == 2 else (dilation * (rows // 2), dilation * (columns // 2))
    conv = nn.Conv2d(inputs, outputs, (rows, columns), stride, padding, dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), act(learned))


class Regular(nn.Module):
    """`kind`: a dilation, or "asymmetric"."""

    def __init__(self, channels, kind=1, learned=True):
        super().__init__()
        width = channels // 4
        self.reduce = layer(channels, width, 1, learned)
        if kind == "asymmetric":
            taps = [layer(width, width, (5, 1), learned), layer(width, width, (1, 5), learned)]
        else:
            taps = [layer(width, width, 3, learned, dilation=kind)]
        self.taps = nn.ModuleList(taps)
        self.expand = layer(width, channels, 1, learned)
        self.out = act(learned)

    def forward(self, x):
        y = self.reduce(x)
        for tap in self.taps:
            y = tap(y)
        return self.out(x + self.expand(y))


class Down(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        width = inputs // 4
        self.reduce = layer(inputs, width, 2, True, stride=2)
        self.tap = layer(width, width, 3, True)
        self.expand = layer(width, outputs, 1, True)
        self.out = act(True)

    def forward(self, x):
        main, places = functional.max_pool2d(x, 2, return_indices=True)
        y = self.expand(self.tap(self.reduce(x)))
        main = functional.pad(main, (0, 0, 0, 0, 0, y.shape[1] - main.shape[1]))
        return self.out(main + y), places


class Up(nn.Module):
    """Neither branch has an activation before the sum."""

    def __init__(self, inputs, outputs):
        super().__init__()
        width = inputs // 4
        self.main = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.main_bn = nn.BatchNorm2d(outputs)
        self.reduce = layer(inputs, width, 1, False)
        self.deconv = nn.ConvTranspose2d(width, width, 2, 2, bias=False)
        self.deconv_bn = nn.BatchNorm2d(width)
        self.expand = nn.Conv2d(width, outputs, 1, bias=False)
        self.expand_bn = nn.BatchNorm2d(outputs)

    def forward(self, x, places, size):
        main = functional.max_unpool2d(self.main_bn(self.main(x)), places, 2, output_size=size)
        y = functional.relu(self.deconv_bn(self.deconv(self.reduce(x))))
        return functional.relu(main + self.expand_bn(self.expand(y)))


class ENet(nn.Module):
    def __init__(self):
        super().__init__()
        self.initial = nn.Conv2d(3, 13, 3, 2, 1, bias=False)
        self.initial_bn = nn.BatchNorm2d(16)
        self.initial_act = act(True)
        self.down1 = Down(16, 64)
        self.stage1 = nn.Sequential(*(Regular(64) for _ in range(4)))
        self.down2 = Down(64, 128)
        kinds = [1, 2, "asymmetric", 4, 1, 8, "asymmetric", 16]
        self.stage2 = nn.Sequential(*(Regular(128, kind) for kind in kinds))
        self.stage3 = nn.Sequential(*(Regular(128, kind) for kind in kinds))
        self.up4 = Up(128, 64)
        self.stage4 = nn.Sequential(Regular(64, learned=False), Regular(64, learned=False))
        self.up5 = Up(64, 16)
        self.stage5 = Regular(16, learned=False)
        self.last = nn.ConvTranspose2d(16, CLASSES, 3, 2, 1, 1, bias=False)

    def forward(self, image):
        x = torch.cat([self.initial(image), functional.max_pool2d(image, 3, 2, 1)], 1)
        x1 = self.initial_act(self.initial_bn(x))
        x, places1 = self.down1(x1)
        x2 = self.stage1(x)
        x, places2 = self.down2(x2)
        x = self.stage3(self.stage2(x))
        x = self.stage4(self.up4(x, places2, x2.shape))
        return self.last(self.stage5(self.up5(x, places1, x1.shape)))


def enet():
    return ENet(), lambda model, image: {"logits": model(image)}
