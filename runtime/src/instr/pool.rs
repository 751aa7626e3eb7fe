//! Pooling and unpooling of `[n, c, h, w]`.

use burn::tensor::module::{adaptive_avg_pool2d, avg_pool2d, max_pool2d, max_pool2d_with_indices};
use burn::tensor::ops::{AvgPoolOptions, IndexingUpdateOp, MaxPoolOptions};
use burn::tensor::{Int, Tensor};
use phg_compiler::plan::instr::{Pool, PoolKind};

use crate::error::Result;
use crate::tensor::Value;

/// Max or average pooling; a max also gives the flat positions `h * w` of its values where asked.
pub(super) fn pool(instr: &Pool, x: Tensor<4>) -> Result<Vec<Value>> {
    match instr.kind {
        PoolKind::Max => {
            let options = MaxPoolOptions::new(instr.kernel)
                .with_stride(instr.stride)
                .with_padding(instr.padding)
                .with_ceil_mode(instr.ceil);
            if instr.indices {
                let (values, indices) = max_pool2d_with_indices(x, options);
                Ok(vec![values.into(), indices.into()])
            } else {
                Ok(vec![max_pool2d(x, options).into()])
            }
        }
        PoolKind::Average => {
            let options = AvgPoolOptions::new(instr.kernel)
                .with_stride(instr.stride)
                .with_padding(instr.padding)
                .with_count_include_pad(instr.count_padding)
                .with_ceil_mode(instr.ceil);
            Ok(vec![avg_pool2d(x, options).into()])
        }
    }
}

/// The mean of each channel over each cell of a grid.
pub(super) fn cells(x: Tensor<4>, to: [usize; 2]) -> Value {
    adaptive_avg_pool2d(x, to).into()
}

/// Puts values at flat positions of a map of zeros. Values that meet at one position (windows that overlap)
/// are added up.
pub(super) fn unpool(x: Tensor<4>, indices: Tensor<4, Int>, [rows, columns]: [usize; 2]) -> Value {
    let [n, c, h, w] = x.dims();
    let zeros = Tensor::<3>::zeros([n, c, rows * columns], &x.device());
    let flat =
        zeros.scatter(2, indices.reshape([n, c, h * w]), x.reshape([n, c, h * w]), IndexingUpdateOp::Add);
    flat.reshape([n, c, rows, columns]).into()
}
