"""Public PyTorch definitions of the systems, from packages.

Comes in: nothing; the definitions lie in the packages of requirements.txt. Goes out: for each system its network with 12
classes, and a function that runs it on images [n, 3, h, w] and gives the scores of each head, [n, 12, h, w], before a
softmax. Guaranteed: what a function changes in a definition is said in the table of systems.py.
"""

import contextlib
import glob
import importlib
import os
import pathlib
import sys
import types

import torch
from torch import nn
from torch.nn import functional

CLASSES = 12


def at_image(scores, image):
    """Scores at the image's size, by pixel centres, as mmsegmentation and torchvision do it."""
    return functional.interpolate(scores, image.shape[2:], mode="bilinear", align_corners=False)


# ---- torchvision


def deeplab_v3():
    from torchvision.models.segmentation import deeplabv3_resnet101

    model = deeplabv3_resnet101(weights=None, weights_backbone=None, num_classes=CLASSES, aux_loss=True)

    def run(model, image):
        out = model(image)
        return {"logits": out["out"], "auxiliary": out["aux"]}

    return model, run


# ---- mmsegmentation


class Absent(types.ModuleType):
    """mmcv's compiled operations, which mmcv-lite does not have and none of these networks calls."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: None


def mmseg_model(config, depth=None):
    """The network of a configuration, with plain batch norms, 12 classes and no pretrained weights."""
    sys.modules.setdefault("mmcv._ext", Absent("mmcv._ext"))
    import mmseg
    import mmseg.models  # noqa: F401  (registers the networks)
    from mmengine.config import Config
    from mmseg.registry import MODELS

    root = pathlib.Path(mmseg.__file__).parent / ".mim" / "configs"
    found = sorted(glob.glob(str(root / config)))
    settings = Config.fromfile(found[0]).model

    def adapt(node):
        if isinstance(node, dict):
            for key in list(node):
                if key == "norm_cfg":
                    node[key] = {"type": "BN", "requires_grad": True}
                elif key == "num_classes":
                    node[key] = CLASSES
                elif key in ("init_cfg", "pretrained"):
                    node[key] = None
                else:
                    adapt(node[key])
        elif isinstance(node, (list, tuple)):
            for value in node:
                adapt(value)

    adapt(settings)
    settings.pop("data_preprocessor", None)
    if depth is not None:
        settings.backbone.depth = depth
    return MODELS.build(settings)


def mmseg_system(config, names=("logits",), auxiliary=("auxiliary",), depth=None, change=None):
    """A builder: the main head's scores have `names`, those of the auxiliary heads `auxiliary`."""

    def build():
        model = mmseg_model(config, depth)
        if change is not None:
            change(model)

        def run(model, image):
            maps = model.backbone(image)
            scores = model.decode_head(maps)
            scores = scores if isinstance(scores, tuple) else (scores,)
            heads = getattr(model, "auxiliary_head", None)
            heads = [] if heads is None else heads if isinstance(heads, nn.ModuleList) else [heads]
            found = dict(zip(names, scores, strict=True))
            found.update(zip(auxiliary, (head(maps) for head in heads), strict=True))
            return {name: at_image(score, image) for name, score in found.items()}

        return model, run

    return build


def with_bias(module):
    """A ConvModule's convolution with a bias, as the HRNet authors' has."""
    conv = module.conv
    module.conv = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, padding=conv.padding)


def hrnet_bias(model):
    with_bias(model.decode_head.convs[0])


def hrnet_ocr():
    model = mmseg_model("ocrnet/ocrnet_hr48*512x1024*.py")
    first, second = model.decode_head
    with_bias(first.convs[0])
    with_bias(second.bottleneck)

    def run(model, image):
        maps = model.backbone(image)
        guess = model.decode_head[0](maps)
        return {"logits": at_image(model.decode_head[1](maps, guess), image), "guess": at_image(guess, image)}

    return model, run


def without_relu_before_sigmoid(model):
    """CoinCheung's gate of the feature fusion, which is the description's; mmsegmentation has a ReLU in it."""
    model.backbone.ffm.conv_atten[0].with_activation = False


# ---- pywick


@contextlib.contextmanager
def bare_packages(names):
    """Packages as plain folders, so that their imports of everything else do not run."""
    root = next(pathlib.Path(p) for p in sys.path if pathlib.Path(p, "pywick").is_dir())
    for name in names:
        if name not in sys.modules:
            module = types.ModuleType(name)
            module.__path__ = [os.fspath(root.joinpath(*name.split(".")))]
            sys.modules[name] = module
    yield


def pywick_class(module, name):
    base = "pywick.models.segmentation"
    packages = ["pywick", "pywick.models", base, f"{base}.testnets"]
    with bare_packages(packages):
        return getattr(importlib.import_module(f"{base}.{module}"), name)


def only_logits(model, image):
    return {"logits": model(image)}


def fcn8s():
    """pywick's, whose pools are weighed by 0.01 and 0.0001 ("at once"): the factors are taken out again."""
    model = pywick_class("fcn8s", "FCN8s")(CLASSES, pretrained=False)

    def unweighed(factor):
        return lambda module, inputs: (inputs[0] / factor,)

    model.score_pool4.register_forward_pre_hook(unweighed(0.01))
    model.score_pool3.register_forward_pre_hook(unweighed(0.0001))
    return model, only_logits


def espnet():
    return pywick_class("testnets.esp_net", "ESPNet")(CLASSES, p=2, q=8), only_logits


def fc_densenet67():
    model = pywick_class("tiramisu", "Tiramisu67")(CLASSES)
    model.softmax = nn.Identity()
    return model, only_logits


def dunet():
    model = pywick_class("dunet", "DUNet_Resnet101")(CLASSES, pretrained=False, aux=True)

    def run(model, image):
        _, c2, c3, c4 = model.base_forward(image)
        rows, columns = image.shape[2:]
        main = model.dupsample(model.head(c2, c3, c4))
        auxiliary = model.aux_dupsample(model.auxlayer(c3))
        # Both are multiples of 8; what goes beyond the image is cut off.
        return {"logits": main[:, :, :rows, :columns], "auxiliary": auxiliary[:, :, :rows, :columns]}

    return model, run


pspnet = mmseg_system("pspnet/pspnet_r101-d8*512x1024*.py")
danet = mmseg_system("danet/danet_r101-d8*512x1024*.py", names=("logits", "by_position", "by_channel"))
ccnet = mmseg_system("ccnet/ccnet_r101-d8*512x1024*.py")
ocnet = mmseg_system("isanet/isanet_r101-d8*512x1024*.py")
hrnet = mmseg_system("hrnet/fcn_hr48*512x1024*.py", auxiliary=(), change=hrnet_bias)
bisenet = mmseg_system(
    "bisenetv1/bisenetv1_r18-d32*.py",
    auxiliary=("auxiliary8", "auxiliary16"),
    change=without_relu_before_sigmoid,
)


def main_weights(model):
    """Tensors of the state without those that no forward pass reads: a classifier of ImageNet's classes."""
    return {k: v for k, v in model.state_dict().items() if not k.startswith(("fc.", "pretrained.fc."))}


def parameters(model):
    named = ((k, p) for k, p in model.named_parameters() if p.requires_grad)
    return sum(p.numel() for k, p in named if ".fc." not in f".{k}" or not isinstance(p, torch.Tensor))
