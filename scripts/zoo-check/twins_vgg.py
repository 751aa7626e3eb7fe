"""Twins of the systems on VGG16, and of U-Net, written from their descriptions: there is no package of them.

Comes in: nothing. Goes out: for each system its network with 12 classes, and a function that runs it on images
[n, 3, h, w] and gives scores [n, 12, h, w]. Layers have the names of the authors' files where they are known.
"""

import torch
from torch import nn
from torch.nn import functional

CLASSES = 12
COUNTS = {1: 2, 2: 2, 3: 3, 4: 3, 5: 3}
WIDTHS = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}


def only_logits(model, image):
    return {"logits": model(image)}


class UNet(nn.Module):
    def __init__(self):
        super().__init__()

        def double(inputs, channels):
            first = nn.Conv2d(inputs, channels, 3, padding=1)
            second = nn.Conv2d(channels, channels, 3, padding=1)
            return nn.Sequential(first, nn.ReLU(), second, nn.ReLU())

        widths = [64, 128, 256, 512, 1024]
        self.down = nn.ModuleList(double(i, o) for i, o in zip([3] + widths, widths))
        self.deconv = nn.ModuleList(nn.ConvTranspose2d(2 * o, o, 2, stride=2) for o in (512, 256, 128, 64))
        self.up = nn.ModuleList(double(2 * o, o) for o in (512, 256, 128, 64))
        self.scores = nn.Conv2d(64, CLASSES, 1)

    def forward(self, x):
        levels = []
        for level, double in enumerate(self.down):
            x = double(functional.max_pool2d(x, 2) if level else x)
            levels.append(x)
        for deconv, double, skip in zip(self.deconv, self.up, levels[-2::-1]):
            x = double(torch.cat([skip, deconv(x)], 1))
        return self.scores(x)


def add(model, name, layer, norm=True):
    """A layer, and its batch norm as bn_..."""
    model.add_module(name, layer)
    if norm:
        model.add_module(f"bn_{name}", nn.BatchNorm2d(layer.out_channels))


def apply(model, name, x):
    """The layer, its batch norm if it has one, ReLU."""
    x = getattr(model, name)(x)
    norm = getattr(model, f"bn_{name}", None)
    return functional.relu(x if norm is None else norm(x))


class Vgg(nn.Module):
    """VGG16's convolutions with bias."""

    def __init__(self, norm, padding=1, dilation5=1):
        super().__init__()
        inputs = 3
        for stage, count in COUNTS.items():
            for i in range(1, count + 1):
                dilation = dilation5 if stage == 5 else 1
                pad = padding if (stage, i) == (1, 1) else dilation
                layer = nn.Conv2d(inputs, WIDTHS[stage], 3, padding=pad, dilation=dilation)
                add(self, f"conv{stage}_{i}", layer, norm)
                inputs = WIDTHS[stage]

    def stage(self, number, x):
        for i in range(1, COUNTS[number] + 1):
            x = apply(self, f"conv{number}_{i}", x)
        return x

    def pooled_with_places(self, x):
        """The last pooled map; for each pool the places of its maxima and the size before it."""
        memory = {}
        for stage in COUNTS:
            x = self.stage(stage, x)
            size = x.shape
            x, places = functional.max_pool2d(x, 2, return_indices=True)
            memory[stage] = (places, size)
        return x, memory

    def decode(self, x, memory, names):
        for stage in (5, 4, 3, 2, 1):
            places, size = memory[stage]
            x = functional.max_unpool2d(x, places, 2, output_size=size)
            for name in names[stage]:
                x = apply(self, name, x)
        return x


class SegNet(Vgg):
    """The decoder is the encoder's reflection; its convolutions are numbered from the last to the first."""

    def __init__(self):
        super().__init__(norm=True)
        outputs = {5: [512, 512, 512], 4: [512, 512, 256], 3: [256, 256, 128], 2: [128, 64], 1: [64]}
        self.names, inputs = {}, 512
        for stage, widths in outputs.items():
            self.names[stage] = [f"conv{stage}_{COUNTS[stage] - i}_D" for i in range(len(widths))]
            for name, width in zip(self.names[stage], widths):
                add(self, name, nn.Conv2d(inputs, width, 3, padding=1))
                inputs = width
        self.conv1_1_D = nn.Conv2d(64, CLASSES, 3, padding=1)

    def forward(self, x):
        return self.conv1_1_D(self.decode(*self.pooled_with_places(x), self.names))


class DeconvNet(Vgg):
    def __init__(self):
        super().__init__(norm=True)
        add(self, "fc6", nn.Conv2d(512, 4096, 7))
        add(self, "fc7", nn.Conv2d(4096, 4096, 1))
        add(self, "fc6_deconv", nn.ConvTranspose2d(4096, 512, 7))
        outputs = {5: [512, 512, 512], 4: [512, 512, 256], 3: [256, 256, 128], 2: [128, 64], 1: [64, 64]}
        self.names, inputs = {}, 512
        for stage, widths in outputs.items():
            self.names[stage] = [f"deconv{stage}_{i}" for i in range(1, len(widths) + 1)]
            for name, width in zip(self.names[stage], widths):
                add(self, name, nn.ConvTranspose2d(inputs, width, 3, padding=1))
                inputs = width
        self.seg_score = nn.Conv2d(64, CLASSES, 1)

    def forward(self, x):
        x, memory = self.pooled_with_places(x)
        for name in ("fc6", "fc7", "fc6_deconv"):
            x = apply(self, name, x)
        return self.seg_score(self.decode(x, memory, self.names))


class FastNet(Vgg):
    """Up-convolutional, with 3 channels a class in all refinements but the last."""

    def __init__(self):
        super().__init__(norm=False)
        self.fc6 = nn.Conv2d(512, 1024, 3, padding=1)
        self.fc7 = nn.Conv2d(1024, 1024, 1)
        self.score = nn.Conv2d(1024, CLASSES, 1)
        inputs, outputs = [CLASSES] + 4 * [3 * CLASSES], 4 * [3 * CLASSES] + [CLASSES]
        layers = (nn.ConvTranspose2d(i, o, 4, stride=2, padding=1) for i, o in zip(inputs, outputs))
        self.upconv = nn.ModuleList(layers)
        self.skip = nn.ModuleList(nn.Conv2d(WIDTHS[stage], 3 * CLASSES, 1) for stage in (4, 3, 2, 1))

    def forward(self, x):
        pools = []
        for stage in COUNTS:
            x = functional.max_pool2d(self.stage(stage, x), 2)
            pools.append(x)
        x = self.score(functional.relu(self.fc7(functional.relu(self.fc6(x)))))
        for upconv, skip, pool in zip(self.upconv, self.skip, pools[3::-1]):
            x = functional.relu(upconv(x)) + skip(pool)
        return self.upconv[4](x)


class Normalised(nn.Module):
    """Length 1 over the channels of a pixel, times a scale for each channel."""

    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), 10.0))

    def forward(self, x):
        return x / (x.square().sum(1, keepdim=True) + 1e-10).sqrt() * self.scale[:, None, None]


class ParseNet(Vgg):
    """Two pools keep the size, and what follows is dilated, as in DeepLab-LargeFOV."""

    def __init__(self):
        super().__init__(norm=False, dilation5=2)
        self.fc6 = nn.Conv2d(512, 1024, 3, padding=12, dilation=12)
        self.fc7 = nn.Conv2d(1024, 1024, 1)
        self.fc7_norm, self.pool6_norm = Normalised(1024), Normalised(1024)
        self.fc7_score, self.pool6_score = nn.Conv2d(1024, CLASSES, 1), nn.Conv2d(1024, CLASSES, 1)

    def forward(self, image):
        x = image
        for stage in COUNTS:
            x = functional.max_pool2d(self.stage(stage, x), 3, stride=2 if stage < 4 else 1, padding=1)
        x = functional.relu(self.fc7(functional.relu(self.fc6(x))))
        whole = self.pool6_score(self.pool6_norm(x.mean((2, 3), keepdim=True)))
        scores = self.fc7_score(self.fc7_norm(x)) + whole
        return functional.interpolate(scores, image.shape[2:], mode="bilinear", align_corners=False)


def unet():
    return UNet(), only_logits


def segnet():
    return SegNet(), only_logits


def deconvnet():
    return DeconvNet(), only_logits


def fastnet():
    return FastNet(), only_logits


def parsenet():
    return ParseNet(), only_logits
