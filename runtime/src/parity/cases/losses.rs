//! The cases of losses and divergences.

use phg_compiler::plan::Instr;
use phg_compiler::plan::instr::{AbsentClasses, ClassWeights, CrossEntropy, HardPixels, KlMethod, KlReduce};

use super::List;
use crate::exec::MeasuredWeights;
use crate::instr::case::Operand;

/// Losses of class scores against labels.
pub(super) fn losses(list: &mut List) {
    let listed = ClassWeights::List(vec![0.5, 2.0, 1.25, 3.0]);
    let shapes = [([2, 4, 3, 2], listed.clone()), ([1, 4, 5, 7], ClassWeights::MedianFrequency)];
    for (at, (shape, weights)) in shapes.into_iter().enumerate() {
        for smoothing in [0.0, 0.125] {
            let instr = Instr::CrossEntropy(CrossEntropy { weights: weights.clone(), smoothing, hard: None });
            let case = list.add(instr, &[&shape], &[]).labels([shape[0], shape[2], shape[3]], 4);
            if at == 1 {
                let measured = vec![1.5, 0.25, 1.0, 2.0];
                case.class_weights =
                    Some(MeasuredWeights { median_frequency: measured.clone(), inverse_log: measured });
            }
        }
    }
    let uniform = || CrossEntropy { weights: ClassWeights::Uniform, smoothing: 0.0, hard: None };
    for (instr, [n, c, h, w]) in [
        (Instr::CrossEntropy(uniform()), [1, 12, 384, 768]),
        (Instr::CrossEntropy(uniform()), [2, 12, 45, 61]),
        (Instr::SoftIou { absent: AbsentClasses::Skip }, [2, 4, 3, 2]),
        (Instr::SoftIou { absent: AbsentClasses::Skip }, [1, 12, 384, 768]),
        (Instr::SoftIou { absent: AbsentClasses::Skip }, [2, 12, 45, 61]),
        (Instr::SoftIou { absent: AbsentClasses::Count }, [2, 4, 3, 2]),
    ] {
        list.add(instr, &[&[n, c, h, w]], &[]).labels([n, h, w], c).map(0, |x| 2.0 * x);
    }
    // The hardest pixels: by a threshold, and so many.
    for (hard, [n, c, h, w]) in [
        (HardPixels { below: 0.3, at_least: 0.0 }, [2, 4, 5, 7]),
        (HardPixels { below: 0.05, at_least: 0.25 }, [2, 4, 5, 7]),
        (HardPixels { below: 0.7, at_least: 0.0625 }, [1, 12, 96, 191]),
    ] {
        let instr = Instr::CrossEntropy(CrossEntropy { hard: Some(hard), ..uniform() });
        list.add(instr, &[&[n, c, h, w]], &[]).labels([n, h, w], c).map(0, |x| 2.0 * x);
    }
    // A batch of nothing but void.
    let case = list.add(Instr::SoftIou { absent: AbsentClasses::Skip }, &[&[1, 4, 2, 2]], &[]);
    case.reads.push(Operand::Int(vec![3, 255, 3, 3], vec![1, 2, 2]));
    case.void = Some(3);
}

/// Kullback-Leibler divergences of gaussians and of mixtures.
pub(super) fn divergences(list: &mut List) {
    for reduce in [KlReduce::Sum, KlReduce::Mean] {
        for shape in [[3, 5], [1, 64], [8, 64]] {
            let shape: &[usize] = &shape;
            list.add(Instr::KlGaussian { standard: false, reduce, free_bits: 0.0 }, &[shape; 4], &[]);
            list.add(Instr::KlGaussian { standard: true, reduce, free_bits: 0.0 }, &[shape; 2], &[]);
        }
    }
    let free = Instr::KlGaussian { standard: true, reduce: KlReduce::Sum, free_bits: 0.5 };
    list.add(free, &[&[3, 5], &[3, 5]], &[]);
    for (by, other) in
        [(KlMethod::Matched, 0), (KlMethod::Variational, 1), (KlMethod::MonteCarlo { samples: 3 }, 1)]
    {
        for ([n, k, d], reduce) in [([2, 3, 5], KlReduce::Sum), ([1, 12, 64], KlReduce::Mean)] {
            let (q, p) = ([n, k, d], [n, k + other, d]);
            let reads: [&[usize]; 6] = [&q[..2], &q, &q, &p[..2], &p, &p];
            let case = list.add(Instr::KlMixture { by, reduce, free_bits: 0.0 }, &reads, &[]);
            for at in [0, 3] {
                if let Operand::Float(tensor) = &mut case.reads[at] {
                    // Weights that sum to 1.
                    let len = tensor.shape[1];
                    for row in tensor.data.chunks_mut(len) {
                        let sum = row.iter().map(|x| x.exp()).sum::<f32>().ln();
                        row.iter_mut().for_each(|x| *x -= sum);
                    }
                }
            }
        }
    }
}
