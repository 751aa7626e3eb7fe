//! The project's own kernels as differentiable functions of Burn tensors, on the processor.
//!
//! Comes in: values of any device. Goes out: the result of a kernel from `phg-kernels` with its place in the
//! autodiff graph; or nothing where the values are not on the processor, and Burn's own operation has to do the
//! work. Guaranteed: a kernel brings its own gradients, and keeps nothing for them that they do not read.

mod convolve;
mod loss;
mod normalise;
mod rectify;
mod resize;
mod softmax;

use std::borrow::Cow;
use std::fmt::Debug;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, BackendTypes, Flex, TensorMetadata};
use burn::tensor::{DType, Tensor, TensorData};
use phg_kernels::Shape;

use crate::error::Result;
use crate::tensor::{Value, each_float};

pub(crate) use convolve::{Fused, convolve, transposed};
pub(crate) use loss::{cross_entropy, soft_iou};
pub(crate) use normalise::normalise;
pub(crate) use rectify::rectify;
pub(crate) use resize::bilinear;
pub(crate) use softmax::softmax;

/// A function of `N` tensors with a gradient.
trait Kernel<const N: usize>: Clone + Debug + Send + 'static {
    /// Which operands the gradients read; the others come to them without values.
    const READS: [bool; N];
    /// Whether the gradients read the result.
    const READS_RESULT: bool = false;

    /// The result's values and shape. What else the forward pass finds out, a kernel keeps in itself.
    fn forward(&mut self, operands: [View<'_>; N]) -> (Vec<f32>, Vec<usize>);

    /// Gradients with respect to the operands that are `wanted`, given the one with respect to the result.
    fn gradients(
        &self,
        operands: [View<'_>; N],
        result: View<'_>,
        gradient: &[f32],
        wanted: [bool; N],
    ) -> [Option<Vec<f32>>; N];
}

/// Values in row-major order, and their shape.
struct View<'a> {
    values: Cow<'a, [f32]>,
    shape: &'a [usize],
}

impl View<'_> {
    /// The four sizes of a map or of a convolution's weight; ones in front of fewer.
    fn map(&self) -> Shape {
        let mut sizes = [1; 4];
        sizes.iter_mut().rev().zip(self.shape.iter().rev()).for_each(|(to, from)| *to = *from);
        sizes
    }
}

/// A shape, and the values where somebody reads them.
#[derive(Clone, Debug)]
struct Kept {
    shape: Vec<usize>,
    dtype: DType,
    values: Option<FlexTensor>,
}

impl Kept {
    fn new(tensor: &FlexTensor, read: bool) -> Self {
        let shape = tensor.shape().to_vec();
        Self { shape, dtype: tensor.dtype(), values: read.then(|| tensor.clone()) }
    }

    fn view(&self) -> View<'_> {
        let values = self.values.as_ref().map_or(Cow::Borrowed(&[][..]), values);
        View { values, shape: &self.shape }
    }
}

fn values(tensor: &FlexTensor) -> Cow<'_, [f32]> {
    match tensor.as_slice::<f32>() {
        Some(values) => Cow::Borrowed(values),
        None => Cow::Owned(tensor.clone().into_data().iter::<f32>().collect()),
    }
}

/// The tensor of a value as that backend's own, if it is on that backend.
macro_rules! primitive {
    ($value:expr, $backend:ty) => {
        Ok(each_float!($value, "a kernel", x => x.clone().try_into_primitive::<$backend>().ok()))
    };
}

/// Applies a kernel where all operands are on the processor, all with autodiff or all without.
fn apply<K: Kernel<N>, const N: usize, const D: usize>(
    kernel: &mut K,
    operands: [&Value; N],
) -> Result<Option<Tensor<D>>> {
    // Kernels compute in 32 bits; a result has the type of what it was made of, as Burn's own operations have it.
    let mut run = |operands: &[FlexTensor; N]| {
        let dtype = operands.first().map_or(DType::F32, TensorMetadata::dtype);
        let operands = operands.each_ref().map(|operand| Kept::new(operand, true));
        let (values, shape) = kernel.forward(operands.each_ref().map(Kept::view));
        FlexTensor::from_data(TensorData::new(values, shape).convert_dtype(dtype))
    };
    if is_off() {
        return Ok(None);
    }
    if let Some(operands) = all(operands, plain)? {
        return Ok(Some(Tensor::from_primitive::<Flex>(run(&operands))));
    }
    let Some(operands) = all(operands, tracked)? else { return Ok(None) };
    let nodes = operands.each_ref().map(|operand| operand.node());
    let operands = operands.map(|operand| operand.into_primitive());
    let result = run(&operands);
    let result = match Gradient(kernel.clone()).prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::UnTracked(prep) => prep.finish(result),
        OpsKind::Tracked(prep) => {
            let mut reads = K::READS.into_iter();
            let operands = operands.map(|operand| Kept::new(&operand, reads.next().unwrap_or(true)));
            prep.finish((operands, Kept::new(&result, K::READS_RESULT)), result)
        }
    };
    Ok(Some(Tensor::from_primitive::<Autodiff<Flex>>(result)))
}

thread_local! {
    static OFF: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs `f` with Burn's own operations alone, which is what other devices get: for comparing the two. A plan that
/// is executed inside stays on this thread.
pub(crate) fn without<T>(f: impl FnOnce() -> T) -> T {
    /// Switches back although `f` may panic, as Burn does.
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            OFF.set(self.0);
        }
    }
    let _back = Back(OFF.replace(true));
    f()
}

/// Are kernels switched off on this thread?
pub(crate) fn is_off() -> bool {
    OFF.get()
}

/// True for a value on the processor.
fn is_here(value: &Value) -> Result<bool> {
    if is_off() {
        return Ok(false);
    }
    Ok(plain(value)?.is_some() || tracked(value)?.is_some())
}

fn plain(value: &Value) -> Result<Option<FlexTensor>> {
    primitive!(value, Flex)
}

fn tracked(value: &Value) -> Result<Option<<Autodiff<Flex> as BackendTypes>::FloatTensorPrimitive>> {
    primitive!(value, Autodiff<Flex>)
}

/// What `get` finds for every operand, if it finds something for all.
fn all<T, const N: usize>(
    operands: [&Value; N],
    get: impl Fn(&Value) -> Result<Option<T>>,
) -> Result<Option<[T; N]>> {
    let found: Option<Vec<T>> = operands.into_iter().map(get).collect::<Result<_>>()?;
    Ok(found.and_then(|found| found.try_into().ok()))
}

/// The backward pass of a kernel.
#[derive(Clone, Debug)]
struct Gradient<K>(K);

impl<K: Kernel<N>, const N: usize> Backward<Flex, N> for Gradient<K> {
    type State = ([Kept; N], Kept);

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (operands, result) = ops.state;
        let gradient = gradients.consume::<Flex>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found =
            self.0.gradients(operands.each_ref().map(Kept::view), result.view(), &values(&gradient), wanted);
        for ((parent, operand), found) in ops.parents.iter().zip(&operands).zip(found) {
            if let (Some(parent), Some(found)) = (parent, found) {
                // Gradients from several readers of a tensor are added up: all are of the tensor's own type.
                let found = TensorData::new(found, operand.shape.clone()).convert_dtype(operand.dtype);
                let found = FlexTensor::from_data(found);
                gradients.register::<Flex>(parent.id, found);
            }
        }
    }
}
