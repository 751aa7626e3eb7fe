"""Twins of the systems on residual networks that no package has, written from their descriptions.

Comes in: nothing. Goes out: for each system its network with 12 classes, and a function that runs it on images
[n, 3, h, w] and gives scores [n, 12, h, w] of each head.
"""

import torch
from torch import nn
from torch.nn import functional

CLASSES = 12


def bilinear(x, size):
    return functional.interpolate(x, size, mode="bilinear", align_corners=False)


class Unit(nn.Sequential):
    """Convolution, batch norm, ReLU if asked for."""

    def __init__(self, inputs, outputs, kernel, stride=1, dilation=1, active=True, bias=False):
        padding = dilation * (kernel // 2)
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=bias)
        self.bn = nn.BatchNorm2d(outputs)
        if active:
            self.relu = nn.ReLU()


class Bottleneck(nn.Module):
    def __init__(self, inputs, outputs, stride=1, dilation=1, stride_first=False):
        super().__init__()
        width = outputs // 4
        self.reduce = Unit(inputs, width, 1, stride if stride_first else 1)
        self.middle = Unit(width, width, 3, 1 if stride_first else stride, dilation)
        self.increase = Unit(width, outputs, 1, active=False)
        change = stride > 1 or inputs != outputs
        self.proj = Unit(inputs, outputs, 1, stride, active=False) if change else nn.Identity()

    def forward(self, x):
        return functional.relu(self.increase(self.middle(self.reduce(x))) + self.proj(x))


def stage(inputs, outputs, count, stride=1, dilation=1, stride_first=False):
    first = Bottleneck(inputs, outputs, stride, dilation, stride_first)
    return nn.Sequential(first, *(Bottleneck(outputs, outputs, 1, dilation) for _ in range(count - 1)))


class DeepLabV2(nn.Module):
    """ResNet-101 as in Caffe: strides in the first 1x1 convolution, a pool that rounds up; rates 6, 12, 18, 24, summed."""

    def __init__(self):
        super().__init__()
        self.conv1 = Unit(3, 64, 7, 2)
        self.res2 = stage(64, 256, 3)
        self.res3 = stage(256, 512, 4, 2, stride_first=True)
        self.res4 = stage(512, 1024, 23, dilation=2)
        self.res5 = stage(1024, 2048, 3, dilation=4)
        rates = (6, 12, 18, 24)
        self.aspp = nn.ModuleList(nn.Conv2d(2048, CLASSES, 3, padding=r, dilation=r) for r in rates)

    def forward(self, image):
        x = functional.max_pool2d(self.conv1(image), 3, 2, 1, ceil_mode=True)
        x = self.res5(self.res4(self.res3(self.res2(x))))
        return bilinear(sum(branch(x) for branch in self.aspp), image.shape[2:])


class ICNet(nn.Module):
    """Half the width of ResNet-50: the image at a quarter deep, at a half for a while, whole for three convolutions."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(Unit(3, 32, 3, 2), Unit(32, 32, 3), Unit(32, 64, 3))
        self.conv2 = stage(64, 128, 3)
        self.conv3_1 = Bottleneck(128, 256, 2, stride_first=True)
        self.conv3 = stage(256, 256, 3)
        self.conv4 = stage(256, 512, 6, dilation=2)
        self.conv5 = stage(512, 1024, 3, dilation=4)
        self.conv5_4 = Unit(1024, 256, 1)
        self.conv_sub4 = Unit(256, 128, 3, dilation=2, active=False)
        self.conv3_1_sub2_proj = Unit(256, 128, 1, active=False)
        self.conv_sub2 = Unit(128, 128, 3, dilation=2, active=False)
        self.conv3_sub1_proj = Unit(64, 128, 1, active=False)
        self.sub1 = nn.Sequential(Unit(3, 32, 3, 2), Unit(32, 32, 3, 2), Unit(32, 64, 3, 2))
        self.conv6_cls = nn.Conv2d(128, CLASSES, 1)
        self.sub4_out = nn.Conv2d(256, CLASSES, 1)
        self.sub24_out = nn.Conv2d(128, CLASSES, 1)

    def forward(self, image):
        half = bilinear(image, [n // 2 for n in image.shape[2:]])
        x = functional.max_pool2d(self.stem(half), 3, 2, 1)
        h = self.conv3_1(self.conv2(x))
        deep = self.conv5(self.conv4(self.conv3(bilinear(h, [n // 2 for n in h.shape[2:]]))))
        size = deep.shape[2:]
        pools = (bilinear(functional.adaptive_avg_pool2d(deep, bins), size) for bins in (1, 2, 3, 6))
        deep = self.conv5_4(deep + sum(pools))
        deep = bilinear(deep, h.shape[2:])
        fine = self.sub1(image)
        middle = functional.relu(self.conv_sub4(deep) + self.conv3_1_sub2_proj(h))
        middle = bilinear(middle, fine.shape[2:])
        both = functional.relu(self.conv_sub2(middle) + self.conv3_sub1_proj(fine))
        scores = self.conv6_cls(bilinear(both, [2 * n for n in both.shape[2:]]))
        return {
            "logits": bilinear(scores, image.shape[2:]),
            "auxiliary16": self.sub4_out(deep),
            "auxiliary8": self.sub24_out(middle),
        }


class Padded(nn.Module):
    """Zeros as TensorFlow's SAME puts them: what is odd goes behind."""

    def __init__(self, kernel, stride, value=0.0):
        super().__init__()
        self.kernel, self.stride, self.value = kernel, stride, value

    def forward(self, x):
        def sides(size):
            steps = -(-size // self.stride)
            total = max((steps - 1) * self.stride + self.kernel - size, 0)
            return total // 2, total - total // 2

        top, bottom = sides(x.shape[2])
        left, right = sides(x.shape[3])
        return functional.pad(x, (left, right, top, bottom), value=self.value)


class PreUnit(nn.Module):
    """1x1, 3x3, 1x1 with the activations before them; the 3x3's filters are split between the rates."""

    def __init__(self, inputs, outputs, rates, stride=1, active=True, short="input"):
        super().__init__()
        width = outputs // 4
        self.bn = nn.BatchNorm2d(inputs) if active else None
        self.conv1 = Unit(inputs, width, 1)
        self.pad = Padded(3, stride) if stride > 1 else nn.Identity()
        self.conv2 = nn.ModuleList(
            nn.Conv2d(width, width // len(rates), 3, stride, 0 if stride > 1 else r, r, bias=False)
            for r in rates
        )
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.short = short
        if inputs != outputs:
            self.shortcut = nn.Conv2d(width if short == "reduced" else inputs, outputs, 1, stride, bias=False)
        else:
            self.shortcut = None

    def forward(self, x):
        a = x if self.bn is None else functional.relu(self.bn(x))
        few = self.conv1(a)
        y = torch.cat([conv(self.pad(few)) for conv in self.conv2], 1)
        y = self.conv3(functional.relu(self.bn2(y)))
        if self.shortcut is None:
            return x + y
        return self.shortcut(few if self.short == "reduced" else a) + y


class PreGroup(nn.Sequential):
    def __init__(self, inputs, outputs, rates, stride=1, short="input"):
        super().__init__()
        self.unit1 = PreUnit(inputs, outputs, rates[0], stride, active=False, short=short)
        for i, rate in enumerate(rates[1:], 2):
            self.add_module(f"unit{i}", PreUnit(outputs, outputs, rate))
        self.bn = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()


class AdapNetPP(nn.Module):
    def __init__(self):
        super().__init__()
        self.image_bn = nn.BatchNorm2d(3)
        self.conv1 = nn.Conv2d(3, 64, 7, 2, bias=False)
        self.conv1_bn = nn.BatchNorm2d(64)
        self.block1 = PreGroup(64, 256, [[1]] * 3, short="reduced")
        self.block2 = PreGroup(256, 512, [[1], [1], [1], [1, 2]], 2)
        self.block3 = PreGroup(512, 1024, [[1], [1], [1, 2], [1, 2], [1, 2], [1, 2]], 2)
        # Both halves of these have rate 2: one convolution.
        self.block4 = PreGroup(1024, 2048, [[2]] * 3)
        self.aspp_1x1 = Unit(2048, 256, 1)
        self.aspp = nn.ModuleList(
            nn.Sequential(
                Unit(2048, 64, 1), Unit(64, 64, 3, dilation=d), Unit(64, 64, 3, dilation=d), Unit(64, 256, 1)
            )
            for d in (3, 6, 12)
        )
        self.aspp_image = Unit(2048, 256, 1)
        self.aspp_join = Unit(1280, 256, 1, active=False)
        self.skip = nn.ModuleList([Unit(512, 24, 1, active=False), Unit(256, 24, 1, active=False)])
        self.deconv = nn.ModuleList(nn.ConvTranspose2d(256, 256, 4, 2, 1, bias=False) for _ in range(2))
        self.deconv_bn = nn.ModuleList(nn.BatchNorm2d(256) for _ in range(2))
        self.refine = nn.ModuleList(nn.Sequential(Unit(280, 256, 3), Unit(256, 256, 3)) for _ in range(2))
        self.scores = Unit(256, CLASSES, 1)
        self.last = nn.ConvTranspose2d(CLASSES, CLASSES, 8, 4, 2, bias=False)
        self.last_bn = nn.BatchNorm2d(CLASSES)
        self.aux = nn.ModuleList(Unit(256, CLASSES, 1, active=False) for _ in range(2))

    def forward(self, image):
        x = functional.relu(self.conv1_bn(self.conv1(Padded(7, 2)(self.image_bn(image)))))
        x = functional.max_pool2d(Padded(3, 2, float("-inf"))(x), 3, 2)
        skip1 = self.block1(x)
        skip2 = self.block2(skip1)
        x = self.block4(self.block3(skip2))
        whole = self.aspp_image(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])
        x = self.aspp_join(torch.cat([self.aspp_1x1(x), *(branch(x) for branch in self.aspp), whole], 1))
        scores = {}
        for i, (skip, name) in enumerate(((skip2, "auxiliary2"), (skip1, "auxiliary1"))):
            x = self.deconv_bn[i](self.deconv[i](x))
            scores[name] = bilinear(self.aux[i](x), image.shape[2:])
            x = self.refine[i](torch.cat([x, self.skip[i](skip)], 1))
        scores["logits"] = self.last_bn(self.last(self.scores(x)))
        return scores


def forward(model, image):
    scores = model(image)
    return scores if isinstance(scores, dict) else {"logits": scores}


def deeplab_v2():
    return DeepLabV2(), forward


def icnet():
    return ICNet(), forward


def adapnet_pp():
    return AdapNetPP(), forward
