"""The systems that are compared: with what, at which size, and which scores of the spec are which of the reference.

Comes in: nothing. Goes out: a list.
"""

import dataclasses
from collections.abc import Callable

import references
import twin_cgbnet
import twin_enet
import twins_residual
import twins_vgg

AUXILIARY = {"logits": "logits", "auxiliary": "auxiliary.scores"}
LOGITS = {"logits": "logits"}


@dataclasses.dataclass(frozen=True)
class System:
    """`outputs`: the reference's scores by name, and what the spec calls them. `packages` has the reference; none: it is
    a twin of this folder."""

    name: str
    build: Callable
    parameters: int
    outputs: dict = dataclasses.field(default_factory=lambda: LOGITS)
    size: tuple = (65, 97)
    images: int = 2
    packages: tuple = ()
    note: str = ""

    @property
    def reference(self):
        return " ".join(self.packages) or "twin"


TORCHVISION = ("torchvision",)
MMSEG = ("mmsegmentation", "mmengine", "mmcv-lite")
PYWICK = ("pywick",)

SYSTEMS = [
    System("adapnet-pp", twins_residual.adapnet_pp, 30_151_558,
           {"logits": "logits", "auxiliary1": "auxiliary.scores1", "auxiliary2": "auxiliary.scores2"}, (64, 96)),
    System("bisenet", references.bisenet, 13_423_012,
           {"logits": "logits", "auxiliary8": "auxiliary.scores8", "auxiliary16": "auxiliary.scores16"},
           packages=MMSEG, note="without mmsegmentation's ReLU before the sigmoid of the feature fusion"),
    System("ccnet", references.ccnet, 68_812_793, AUXILIARY, packages=MMSEG),
    System("cgbnet", twin_cgbnet.cgbnet, 84_404_018, size=(128, 160), note="the twin is a reading of the authors' scripts, as the spec is"),
    System("danet", references.danet, 68_826_130,
           {"logits": "logits", "by_position": "auxiliary.by_position", "by_channel": "auxiliary.by_channel",
            "auxiliary": "auxiliary.scores"}, packages=MMSEG),
    System("deconvnet", twins_vgg.deconvnet, 251_805_068, size=(224, 256), images=1),
    System("deeplab-v2", twins_residual.deeplab_v2, 43_384_944),
    System("deeplab-v3", references.deeplab_v3, 60_991_576, AUXILIARY, packages=TORCHVISION),
    System("dunet", references.dunet, 51_047_296, AUXILIARY, packages=PYWICK,
           note="what goes beyond the image is cut off"),
    System("enet", twin_enet.enet, 350_652, size=(64, 96)),
    System("espnet", references.espnet, 354_517, size=(64, 96), packages=PYWICK),
    System("fastnet", twins_vgg.fastnet, 20_607_096, size=(64, 96)),
    System("fc-densenet67", references.fc_densenet67, 3_463_532, packages=PYWICK, note="before its log-softmax"),
    System("fcn8s", references.fcn8s, 134_360_420, packages=PYWICK,
           note="without pywick's factors of 0.01 and 0.0001 on two pools"),
    System("hrnet", references.hrnet, 65_854_332, packages=MMSEG, note="with the bias of the authors' head"),
    System("hrnet-ocr", references.hrnet_ocr, 70_364_040, {"logits": "logits", "guess": "head.guess |> resize(like: image)"},
           packages=MMSEG, note="with the biases of the authors' head"),
    System("icnet", twins_residual.icnet, 6_703_716,
           {"logits": "logits", "auxiliary8": "auxiliary.scores8", "auxiliary16": "auxiliary.scores16"}, (96, 128)),
    System("ocnet", references.ocnet, 56_694_136, AUXILIARY, packages=MMSEG),
    System("parsenet", twins_vgg.parsenet, 20_510_552),
    System("pspnet", references.pspnet, 67_962_232, AUXILIARY, packages=MMSEG),
    System("segnet", twins_vgg.segnet, 29_449_932),
    System("unet", twins_vgg.unet, 31_032_460, size=(64, 96)),
]
