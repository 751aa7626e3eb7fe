"""Random values for every parameter and statistic of a network.

Comes in: a network, how to run it, images to measure its maps by, and a seed. Goes out: the same network, changed, in eval
mode. Guaranteed: no batch norm, gate or scale is left at a value that hides an error (0, 1); no map vanishes or grows
without bound, so that a difference in any layer reaches the scores.
"""

import math

import torch
from torch import nn

Norm = nn.modules.batchnorm._BatchNorm


def randomise(model, run, images, seed):
    """Convolutions keep the variance of what they read; batch norms multiply by 0.2 to 0.6. Their statistics are what the
    images give, moved and stretched at random: neither those of fresh networks, 0 and 1, with which a ResNet-101 explodes,
    nor exactly the right ones."""
    random = torch.Generator().manual_seed(seed)

    def uniform(tensor, low, high):
        tensor.copy_(torch.empty_like(tensor).uniform_(low, high, generator=random))

    def normal(tensor, deviation):
        tensor.copy_(torch.empty_like(tensor).normal_(0, deviation, generator=random))

    modules = list(nn.Module.modules(model))
    norms = [module for module in modules if isinstance(module, Norm)]
    done = set()
    with torch.no_grad():
        for module in modules:
            if isinstance(module, Norm):
                uniform(module.weight, 0.2, 0.6)
                normal(module.bias, 0.1)
            elif isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                inputs = module.in_channels // module.groups * math.prod(module.kernel_size)
                if isinstance(module, nn.ConvTranspose2d):
                    # Each output reads only the taps that its place has.
                    inputs /= math.prod(module.stride)
                normal(module.weight, math.sqrt(2 / inputs))
                if module.bias is not None:
                    normal(module.bias, 0.1)
            elif isinstance(module, nn.PReLU):
                uniform(module.weight, 0.1, 0.4)
            else:
                continue
            done.update(map(id, module.parameters()))
        for parameter in model.parameters():
            # Learned factors: of an attention, which begin with 0, of a normalised length, which begin with 10.
            if id(parameter) not in done:
                begins = parameter.abs().mean().item() or 1.0
                uniform(parameter, 0.5 * begins, 1.5 * begins)
        model.eval()
        for norm in norms:
            norm.momentum = 1.0
            norm.train()
        run(model, images)
        model.eval()
        for norm in norms:
            # A floor: a channel that hardly varies would amplify rounding.
            floor = 0.1 * norm.running_var.mean() + 0.05 * norm.running_mean.square().mean()
            deviation = (norm.running_var + floor.clamp_min(1e-6)).sqrt()
            shift = torch.empty_like(deviation).normal_(0, 0.2, generator=random)
            stretch = torch.empty_like(deviation).uniform_(0.5, 1.5, generator=random)
            norm.running_mean += shift * deviation
            norm.running_var.copy_(deviation * deviation * stretch)
    return model
