"""A twin of CGBNet on ResNet-101, written from what the authors' scripts for MatConvNet add layer by layer.

Comes in: nothing. Goes out: the network with 12 classes, and a function that runs it on images [n, 3, h, w] and gives
scores [n, 12, h / 2, w / 2]. Two choices are the spec's: strides in the 3x3 convolutions, and zeros around the map of
boundaries when it is blurred.
"""

import torch
from torch import nn
from torch.nn import functional
from twins_residual import Padded, Unit, stage

CLASSES = 12


class Contrast(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(512)
        self.local = nn.Conv2d(512, 512, 3, padding=1)
        self.context = nn.Conv2d(512, 512, 3, padding=5, dilation=5)

    def forward(self, x):
        x = self.bn(x)
        around = functional.avg_pool2d(x, 5, 1, 2, count_include_pad=False)
        return functional.relu(self.local(x) - self.context(around))


class Entry(nn.Module):
    """A map's scores and its gate."""

    def __init__(self, channels, width=512, gate=True):
        super().__init__()
        self.skip = Unit(channels, width, 1, bias=True)
        self.classifier = nn.Conv2d(width, CLASSES, 1)
        if gate:
            self.gate_bn = nn.BatchNorm2d(channels)
            self.gate_conv = nn.Conv2d(channels, 1, 1)

    def scores(self, x):
        return self.classifier(self.skip(x))

    def gate(self, x):
        return self.gate_conv(functional.relu(self.gate_bn(x))).sigmoid()


class GatedSum(nn.Module):
    """The states' refinement; each pixel's scores are weighed by the states' softmax, times their number."""

    def __init__(self, entries):
        super().__init__()
        self.bn = nn.BatchNorm2d(entries)
        self.conv = nn.Conv2d(entries, entries, 1)

    def forward(self, states, scores):
        states = torch.cat(states, 1)
        shares = (states + self.conv(self.bn(states))).softmax(1) * len(scores)
        return sum(score * shares[:, i : i + 1] for i, score in enumerate(scores))


def doubling(channels):
    return nn.ConvTranspose2d(channels, channels, 4, 2, 1, groups=channels, bias=False)


def gaussian(size=25, sigma=5.0):
    line = torch.exp(-(torch.arange(size).double() - size // 2).square() / (2 * sigma * sigma))
    kernel = line[:, None] * line
    return (kernel / kernel.sum())[None, None]


class CGBNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = Unit(3, 64, 7, 2)
        self.pool1 = Padded(3, 2, float("-inf"))
        self.res2 = stage(64, 256, 3)
        self.res3 = stage(256, 512, 4, 2)
        self.res4 = stage(512, 1024, 23, 2)
        self.res5 = stage(1024, 2048, 3, 2)
        self.adaptation = nn.Conv2d(2048, 512, 1)
        self.ccl = nn.ModuleList(Contrast() for _ in range(6))
        # From the deepest map to the shallowest.
        self.entry1 = nn.ModuleList([Entry(512) for _ in range(6)] + [Entry(2048) for _ in range(3)])
        self.entry2 = nn.ModuleList(Entry(1024) for _ in range(12))
        self.entry3 = nn.ModuleList(Entry(512) for _ in range(4))
        self.entry4 = nn.ModuleList(Entry(256, 256, gate=False) for _ in range(3))
        self.rnn_first = nn.Conv2d(1, 1, 1)
        self.rnn_shared = nn.Conv2d(2, 1, 1)
        self.refine = nn.ModuleList(GatedSum(n) for n in (9, 13, 5))
        self.double_state = nn.ModuleList(doubling(1) for _ in range(2))
        self.double_scores = nn.ModuleList(doubling(CLASSES) for _ in range(4))

    def chain(self, state, entries, maps):
        states = []
        for entry, x in zip(entries, maps, strict=True):
            gate = entry.gate(x)
            both = None if state is None else torch.cat([state, gate], 1)
            state = (self.rnn_first(gate) if both is None else self.rnn_shared(both)).tanh()
            states.append(state)
        return states

    def boundaries(self, scores):
        best = scores.argmax(1, keepdim=True).to(scores.dtype)
        edges = best - functional.avg_pool2d(best, 3, 1, 1, count_include_pad=False)
        edges = (edges.abs() > 0.05).to(scores.dtype) * 1.5
        return 0.5 + functional.conv2d(edges, gaussian().to(scores.dtype), padding=12)

    def forward(self, image):
        x = functional.max_pool2d(self.pool1(self.conv1(image)), 3, 2)
        levels = []
        for blocks in (self.res2, self.res3, self.res4, self.res5):
            maps = []
            for block in blocks:
                x = block(x)
                maps.insert(0, x)
            levels.append(maps)
        res2, res3, res4, res5 = levels
        y, contrasted = functional.relu(self.adaptation(x)), []
        for block in self.ccl:
            y = block(y)
            contrasted.insert(0, y)
        maps = contrasted + res5
        states = self.chain(None, self.entry1, maps)
        scores = self.refine[0](states, [e.scores(x) for e, x in zip(self.entry1, maps)])
        for i, (entries, maps) in enumerate(((self.entry2, res4[::2]), (self.entry3, res3))):
            before = self.double_state[i](states[-1])
            states = self.chain(before, entries, maps)
            doubled = self.double_scores[i](scores)
            scores = self.refine[i + 1]([before, *states], [doubled, *(e.scores(x) for e, x in zip(entries, maps))])
        scores = self.double_scores[2](scores)
        finest = sum(entry.scores(x) for entry, x in zip(self.entry4, res2))
        return self.double_scores[3](scores + self.boundaries(scores) * finest)


def cgbnet():
    return CGBNet(), lambda model, image: {"logits": model(image)}
