//! Label maps `[n, h, w]` as tensors.

use burn::tensor::{Bool, Int, Tensor, TensorData};

/// Zeros and ones `[n, classes, h, w]`; a label outside `0..classes` gives zeros, void keeps its channel.
pub(super) fn one_hot(labels: Tensor<3, Int>, classes: usize) -> Tensor<4> {
    let device = labels.device();
    let count = i64::try_from(classes).unwrap_or(0);
    let ids = Tensor::<4, Int>::from_data(
        TensorData::new((0..count).collect::<Vec<i64>>(), [1, classes, 1, 1]),
        &device,
    );
    let [n, h, w] = labels.dims();
    let labels = labels.reshape([n, 1, h, w]).expand([n, classes, h, w]);
    labels.equal(ids.expand([n, classes, h, w])).float()
}

/// Where a label is a class that counts: inside `0..classes` and not void.
pub(super) fn valid(labels: &Tensor<3, Int>, classes: usize, void: Option<i64>) -> Tensor<3, Bool> {
    let count = i64::try_from(classes).unwrap_or(0);
    let inside = labels.clone().greater_equal_scalar(0i64).bool_and(labels.clone().lower_scalar(count));
    match void {
        Some(void) => inside.bool_and(labels.clone().not_equal_scalar(void)),
        None => inside,
    }
}
