//! Convolution and transposed convolution.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::{Tensor, TensorData};
use phg_kernels::convolve::{self, Finish};
use phg_kernels::{Joined, Shape, Window};

use super::{Kept, Kernel, View, apply, is_off, plain};
use crate::error::Result;
use crate::tensor::Value;

/// Cross-correlation of a map with a weight.
#[derive(Clone, Debug)]
struct Convolution(Window);

/// A window may be larger than the map that it reads; the kernels leave such an output empty.
fn output(window: &Window, x: Shape, weight: Shape) -> Shape {
    let [rows, columns] = window.output([x[2], x[3]]);
    [x[0], weight[0], rows, columns]
}

impl Convolution {
    fn run(&self, x: &View<'_>, weight: &View<'_>, bias: Option<&[f32]>) -> (Vec<f32>, Vec<usize>) {
        let (x_shape, weight_shape) = (x.map(), weight.map());
        let y = convolve::forward(&x.values, x_shape, &weight.values, weight_shape, bias, &self.0);
        (y, output(&self.0, x_shape, weight_shape).to_vec())
    }

    fn input(&self, x: &View<'_>, weight: &View<'_>, gradient: &[f32]) -> Vec<f32> {
        convolve::input_gradient(gradient, &weight.values, weight.map(), x.map(), &self.0)
    }

    fn weight(&self, x: &View<'_>, weight: &View<'_>, gradient: &[f32]) -> Vec<f32> {
        convolve::weight_gradient(&x.values, x.map(), gradient, weight.map(), &self.0)
    }
}

impl Kernel<2> for Convolution {
    const READS: [bool; 2] = [true, true];

    fn forward(&mut self, [x, weight]: [View<'_>; 2]) -> (Vec<f32>, Vec<usize>) {
        self.run(&x, &weight, None)
    }

    fn gradients(
        &self,
        [x, weight]: [View<'_>; 2],
        _: View<'_>,
        gradient: &[f32],
        wanted: [bool; 2],
    ) -> [Option<Vec<f32>>; 2] {
        [
            wanted[0].then(|| self.input(&x, &weight, gradient)),
            wanted[1].then(|| self.weight(&x, &weight, gradient)),
        ]
    }
}

/// With a bias.
impl Kernel<3> for Convolution {
    const READS: [bool; 3] = [true, true, false];

    fn forward(&mut self, [x, weight, bias]: [View<'_>; 3]) -> (Vec<f32>, Vec<usize>) {
        self.run(&x, &weight, Some(&bias.values))
    }

    fn gradients(
        &self,
        [x, weight, _]: [View<'_>; 3],
        _: View<'_>,
        gradient: &[f32],
        wanted: [bool; 3],
    ) -> [Option<Vec<f32>>; 3] {
        let y = output(&self.0, x.map(), weight.map());
        [
            wanted[0].then(|| self.input(&x, &weight, gradient)),
            wanted[1].then(|| self.weight(&x, &weight, gradient)),
            wanted[2].then(|| convolve::bias_gradient(gradient, y)),
        ]
    }
}

/// The gradient of a convolution with respect to its input, as a function of its own: `x` takes the place of
/// the gradient, and `[rows, columns]` is the size of the result.
#[derive(Clone, Debug)]
struct Transposed {
    window: Window,
    to: [usize; 2],
}

impl Transposed {
    fn result(&self, x: &View<'_>, weight: &View<'_>) -> Shape {
        [x.map()[0], weight.map()[1] * self.window.groups, self.to[0], self.to[1]]
    }
}

impl Kernel<2> for Transposed {
    const READS: [bool; 2] = [true, true];

    fn forward(&mut self, [x, weight]: [View<'_>; 2]) -> (Vec<f32>, Vec<usize>) {
        let shape = self.result(&x, &weight);
        let y = convolve::input_gradient(&x.values, &weight.values, weight.map(), shape, &self.window);
        (y, shape.to_vec())
    }

    fn gradients(
        &self,
        [x, weight]: [View<'_>; 2],
        _: View<'_>,
        gradient: &[f32],
        wanted: [bool; 2],
    ) -> [Option<Vec<f32>>; 2] {
        let (shape, weight_shape) = (self.result(&x, &weight), weight.map());
        [
            wanted[0].then(|| {
                convolve::forward(gradient, shape, &weight.values, weight_shape, None, &self.window)
            }),
            wanted[1]
                .then(|| convolve::weight_gradient(gradient, shape, &x.values, weight_shape, &self.window)),
        ]
    }
}

/// Cross-correlation of `x [n, c, h, w]` with `weight [o, c / groups, kh, kw]`, plus `bias [o]`; nothing where
/// they are not on the processor.
pub(crate) fn convolve(
    x: &Value,
    weight: &Value,
    bias: Option<&Value>,
    window: Window,
) -> Result<Option<Tensor<4>>> {
    match bias {
        Some(bias) => apply(&mut Convolution(window), [x, weight, bias]),
        None => apply(&mut Convolution(window), [x, weight]),
    }
}

/// The transposed convolution of `x [n, c, h, w]` by `weight [c, o / groups, kh, kw]` to `to` rows and columns;
/// nothing where they are not on the processor.
pub(crate) fn transposed(
    x: &Value,
    weight: &Value,
    window: Window,
    to: [usize; 2],
) -> Result<Option<Tensor<4>>> {
    apply(&mut Transposed { window, to }, [x, weight])
}

/// What a convolution of a plan for inference does in one pass over its result.
pub(crate) struct Fused<'a> {
    /// Maps `[n, c_i, h, w]`, joined along channels.
    pub(crate) maps: &'a [Value],
    /// `[o, c / groups, kh, kw]`.
    pub(crate) weight: &'a Value,
    /// `[o]`.
    pub(crate) bias: Option<&'a Value>,
    /// Added to the result; of its shape.
    pub(crate) addend: Option<&'a Value>,
    /// `max(_, 0)`, last.
    pub(crate) rectify: bool,
    pub(crate) window: Window,
}

impl Fused<'_> {
    /// The result `[n, o, h', w']`; nothing where the operands are not on the processor, or tracked by autodiff.
    pub(crate) fn run(&self) -> Result<Option<Tensor<4>>> {
        if is_off() {
            return Ok(None);
        }
        let keep = |value: &Value| Ok(plain(value)?.map(|tensor| Kept::new(&tensor, true)));
        let maps: Option<Vec<Kept>> = self.maps.iter().map(keep).collect::<Result<_>>()?;
        let optional =
            |value: Option<&Value>| value.map(keep).transpose().map(|kept| (kept.is_some(), kept.flatten()));
        let ((has_bias, bias), (has_addend, addend)) = (optional(self.bias)?, optional(self.addend)?);
        let (Some(maps), Some(weight)) = (maps, keep(self.weight)?) else { return Ok(None) };
        if has_bias != bias.is_some() || has_addend != addend.is_some() {
            return Ok(None);
        }
        let (maps, weight): (Vec<View<'_>>, _) = (maps.iter().map(Kept::view).collect(), weight.view());
        let (bias, addend) = (bias.as_ref().map(Kept::view), addend.as_ref().map(Kept::view));
        let parts: Vec<(&[f32], usize)> = maps.iter().map(|map| (&*map.values, map.map()[1])).collect();
        let Some([n, _, h, w]) = maps.first().map(View::map) else { return Ok(None) };
        let x = Joined { n, size: [h, w], parts: &parts };
        let finish = Finish { addend: addend.as_ref().map(|addend| &*addend.values), rectify: self.rectify };
        let bias = bias.as_ref().map(|bias| &*bias.values);
        let y = convolve::fused(&x, &weight.values, weight.map(), bias, &self.window, finish);
        let shape = output(&self.window, x.shape(), weight.map());
        Ok(Some(Tensor::from_primitive::<Flex>(FlexTensor::from_data(TensorData::new(y, shape)))))
    }
}
