//! Times of the kernels on the shapes of `phgmm-small` at 180x240 and batch 4.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use phg_kernels::{Window, convolve, resize, softmax};

fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7919 % 1000) as f32 / 500.0 - 1.0).collect()
}

fn convolutions(criterion: &mut Criterion) {
    // Name, input [n, c, h, w], outputs, taps a side, stride, groups.
    let cases = [
        ("stem 7x7", [4, 3, 180, 240], 16, 7, 2, 1),
        ("3x3 16", [4, 16, 45, 60], 16, 3, 1, 1),
        ("3x3 36", [4, 36, 45, 60], 36, 3, 1, 1),
        ("3x3 64", [4, 64, 96, 192], 64, 3, 1, 1),
        ("3x3 36 of 12", [4, 12, 180, 240], 12, 3, 1, 1),
        ("3x3 64 stride 2", [4, 64, 23, 30], 64, 3, 2, 1),
        ("3x3 512 to 36", [4, 512, 6, 8], 36, 3, 1, 1),
        ("1x1 64 to 256", [4, 64, 45, 60], 256, 1, 1, 1),
        ("depthwise 3x3 64", [4, 64, 96, 192], 64, 3, 1, 64),
        ("4 groups 3x3 64", [4, 64, 96, 192], 64, 3, 1, 4),
    ];
    for (name, shape, o, k, stride, groups) in cases {
        let [n, c, h, w] = shape;
        let window =
            Window { kernel: [k; 2], stride: [stride; 2], padding: [k / 2; 2], dilation: [1; 2], groups };
        let [rows, columns] = window.output([h, w]);
        let filter = [o, c / groups, k, k];
        let (x, weight) = (values(n * c * h * w), values(o * c / groups * k * k));
        let dy = values(n * o * rows * columns);
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        group.bench_function("forward", |b| {
            b.iter(|| convolve::forward(black_box(&x), shape, &weight, filter, None, &window));
        });
        group.bench_function("input gradient", |b| {
            b.iter(|| convolve::input_gradient(black_box(&dy), &weight, filter, shape, &window));
        });
        group.bench_function("weight gradient", |b| {
            b.iter(|| convolve::weight_gradient(black_box(&x), shape, &dy, filter, &window));
        });
        group.finish();
    }
}

fn maps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("maps");
    group.sample_size(10);
    let (small, large) = (values(4 * 36 * 45 * 60), values(4 * 36 * 90 * 120));
    group.bench_function("bilinear x2 36", |b| {
        b.iter(|| resize::forward(black_box(&small), [4, 36, 45, 60], [90, 120]));
    });
    group.bench_function("bilinear x2 36 gradient", |b| {
        b.iter(|| resize::gradient(black_box(&large), [4, 36, 45, 60], [90, 120]));
    });
    let logits = values(4 * 12 * 180 * 240);
    group.bench_function("log softmax 12", |b| {
        b.iter(|| softmax::forward(black_box(&logits), [4, 12, 180, 240], true));
    });
    group.bench_function("log softmax 12 gradient", |b| {
        b.iter(|| softmax::gradient(black_box(&logits), &logits, [4, 12, 180, 240], true));
    });
    group.finish();
}

criterion_group!(benches, convolutions, maps);
criterion_main!(benches);
