//! How long the compiler takes: the paper's network from text to plan, and how time grows with a network.
//!
//! `cargo bench -p phg-compiler --bench compile`. Figures are in `docs/benchmarks.md`. Every benchmark runs on
//! one thread; nothing is read from disk inside a measurement.

use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use phg_compiler::diag::Diags;
use phg_compiler::elaborate::{self, Limits};
use phg_compiler::source::{FileId, NoFiles, SourceMap};
use phg_compiler::{Mode, Network, Request, compile, parse, plan, resolve};

const PHGMM: &str = include_str!("../../specs/phgmm.phg");

fn network(name: &str, text: &str) -> Network {
    let outcome = compile(&Request::new(name, text));
    assert!(outcome.diags.is_empty(), "{name}: {:?}", outcome.diags);
    let Some(network) = outcome.network else { panic!("{name} does not compile") };
    network
}

/// The shipped network: text to network, network to plan, and both.
fn shipped(c: &mut Criterion) {
    let mut group = c.benchmark_group("phgmm");
    group.bench_function("text to network", |b| b.iter(|| network("phgmm", black_box(PHGMM))));
    group.bench_function("text to network, switches turned as well", |b| {
        b.iter(|| compile(&Request { both_ways: true, ..Request::new("phgmm", black_box(PHGMM)) }));
    });
    let made = network("phgmm", PHGMM);
    for (name, mode) in [("train", Mode::Train), ("infer", Mode::Infer)] {
        group.bench_function(format!("network to plan, {name}"), |b| b.iter(|| made.plan(black_box(mode))));
        group.bench_function(format!("text to plan, {name}"), |b| {
            b.iter(|| network("phgmm", black_box(PHGMM)).plan(mode));
        });
    }
    group.finish();
}

/// Where the time goes.
fn stages(c: &mut Criterion) {
    let mut group = c.benchmark_group("phgmm, stage");
    let load =
        |diags: &mut Diags| resolve::load("phgmm", PHGMM, &[], &NoFiles, &mut SourceMap::default(), diags);
    group.bench_function("parse", |b| {
        b.iter(|| parse::parse(FileId(0), black_box(PHGMM), &mut Diags::default()))
    });
    group.bench_function("parse and resolve", |b| b.iter(|| load(&mut Diags::default())));
    let program = load(&mut Diags::default());
    group.bench_function("elaborate", |b| {
        b.iter(|| elaborate::elaborate(black_box(&program), &Limits::default(), &mut Diags::default()));
    });
    let made = network("phgmm", PHGMM);
    group.bench_function("passes, infer", |b| b.iter(|| made.graph_for(Mode::Infer, None, &[])));
    let (graph, _) = made.graph_for(Mode::Infer, None, &[]);
    group.bench_function("lower, infer", |b| b.iter(|| plan::lower::lower(black_box(&graph), Mode::Infer)));
    group.finish();
}

/// A spec that unrolls to about `nodes` operations: residual units (7 operations each) in a loop, with a
/// stride now and then, as deep networks have them.
fn unrolled(nodes: usize) -> String {
    let units = nodes / 7;
    format!(
        "use std.resnet (residual_units)\n\
         input image: float[N, 3, H, W]\n\
         input labels: class(12)[N, H, W]\n\
         encoder {{\n    \
             let x1 = image |> conv(16, kernel: 3, stride: 2) |> residual_units({})\n    \
             let x2 = x1 |> conv(32, kernel: 3, stride: 2) |> residual_units({})\n    \
             let logits = x2 |> conv(12) |> resize(like: image)\n\
         }}\n\
         output segmentation = softmax(logits)\n\
         loss {{ l_s = cross_entropy(logits, labels) }}\n",
        units / 2,
        units - units / 2,
    )
}

/// A spec of about `nodes` operations, each written out.
fn written(nodes: usize) -> String {
    let mut text = String::from(
        "input image: float[N, 3, H, W]\ninput labels: class(12)[N, H, W]\n\
         encoder {\n    let x0 = image |> conv(16, kernel: 3)\n",
    );
    for at in 1..nodes / 2 {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    let x{at} = x{} |> conv(16) |> relu", at - 1);
    }
    let _ = write!(
        text,
        "    let logits = x{} |> conv(12)\n}}\noutput segmentation = softmax(logits)\n\
         loss {{ l_s = cross_entropy(logits, labels) }}\n",
        nodes / 2 - 1,
    );
    text
}

fn growth(c: &mut Criterion) {
    let mut group = c.benchmark_group("text to plan by operations");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(5));
    for nodes in [1_000, 10_000, 100_000] {
        group.throughput(Throughput::Elements(nodes as u64));
        let text = unrolled(nodes);
        group.bench_with_input(BenchmarkId::new("unrolled by loops", nodes), &text, |b, text| {
            b.iter(|| network("generated", black_box(text)).plan(Mode::Infer));
        });
    }
    for nodes in [1_000, 10_000] {
        group.throughput(Throughput::Elements(nodes as u64));
        let text = written(nodes);
        group.bench_with_input(BenchmarkId::new("written out", nodes), &text, |b, text| {
            b.iter(|| network("generated", black_box(text)).plan(Mode::Infer));
        });
    }
    group.finish();
}

criterion_group!(benches, shipped, stages, growth);
criterion_main!(benches);
