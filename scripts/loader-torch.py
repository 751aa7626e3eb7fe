#!/usr/bin/env python3
"""Times a PyTorch DataLoader on a folder in CamVid's layout: the other side of `phgc data bench`.

The same work as there: JPEG or PNG decoded, image resized by antialiased bilinear and labels by nearest (Pillow), both
flipped half of the time, image normalised to float32 [n, 3, h, w] with ImageNet's mean and deviation, labels to int64.
Warm-up batches are not timed; the clock runs while the loader alone works.

    phgc data bench --data camvid --root DIR --size 180x240 --batch 8 --loaders 2 --format json
    scripts/loader-torch.py DIR --size 180x240 --batch 8 --workers 2

Needs torch, numpy and Pillow. Prints JSON with the names that `phgc data bench` uses.
"""

import argparse
import json
import pathlib
import random
import time

import numpy
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


class CamVid(Dataset):
    def __init__(self, root, split, size):
        self.size = size
        self.pairs = []
        for line in (root / f"{split}.txt").read_text().split("\n"):
            if not line.strip():
                continue
            stem = pathlib.PurePath(line.split()[0]).stem
            images = [root / split / f"{stem}.{ending}" for ending in ("png", "jpg", "jpeg")]
            image = next(path for path in images if path.exists())
            self.pairs.append((image, root / f"{split}annot" / f"{stem}.png"))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        image_path, labels_path = self.pairs[index]
        with Image.open(image_path) as file:
            image = file.convert("RGB")
        with Image.open(labels_path) as file:
            file.load()
            labels = file
        if self.size:
            height, width = self.size
            image = image.resize((width, height), Image.BILINEAR)
            labels = labels.resize((width, height), Image.NEAREST)
        if random.random() < 0.5:
            image = image.transpose(Image.FLIP_LEFT_RIGHT)
            labels = labels.transpose(Image.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(numpy.array(image)).permute(2, 0, 1).float().div_(255)
        pixels.sub_(MEAN).div_(DEVIATION)
        return pixels.contiguous(), torch.from_numpy(numpy.array(labels)).long()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--split", default="train")
    parser.add_argument("--size", type=lambda text: [int(side) for side in text.split("x")])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--warmup", type=int, default=8)
    args = parser.parse_args()

    torch.set_num_threads(1)
    dataset = CamVid(args.root, args.split, args.size)

    def batches():
        # One run of workers for all passes: starting them is in no figure.
        order = [index for _ in range(args.passes + args.warmup) for index in shuffled(len(dataset), args.batch)]
        return iter(DataLoader(dataset, args.batch, sampler=order, num_workers=args.workers, drop_last=True))

    each = len(dataset) // args.batch
    source = batches()
    for _ in range(args.warmup):
        next(source)
    images, seconds, rates = 0, 0.0, []
    for _ in range(args.passes):
        begun, count = time.perf_counter(), 0
        for _ in range(each):
            pixels, labels = next(source)
            count += len(pixels)
        took = time.perf_counter() - begun
        rates.append(count / took)
        images, seconds = images + count, seconds + took
    print(json.dumps({
        "images_per_second": images / seconds,
        "images": images,
        "seconds": seconds,
        "passes": rates,
        "size": list(pixels.shape[2:]),
        "batch": args.batch,
        "workers": args.workers,
        "torch": torch.__version__,
        "pillow": Image.__version__,
    }, indent=2))


def shuffled(length, batch):
    """One pass in a random order, as many samples as fill batches."""
    order = list(range(length))
    random.shuffle(order)
    return order[: length - length % batch]


if __name__ == "__main__":
    main()
