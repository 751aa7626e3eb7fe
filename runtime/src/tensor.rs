//! A tensor of any rank: what a step of a plan reads and writes.
//!
//! Comes in: host data and Burn tensors of ranks 1 to 5. Goes out: one type that the executor can keep in a
//! list. Burn fixes a tensor's rank in its type, so every rank is a variant here. Guaranteed: a value of the
//! wrong rank or element type is an error that says so, never a panic.

use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};

use crate::codes;
use crate::error::{Error, Kind, Result};
use crate::host::HostTensor;

/// A float or integer tensor of rank 1 to 5.
#[derive(Clone, Debug)]
pub enum Value {
    /// Floats, rank 1; a scalar has shape `[1]`.
    F1(Tensor<1>),
    /// Floats, rank 2.
    F2(Tensor<2>),
    /// Floats, rank 3.
    F3(Tensor<3>),
    /// Floats, rank 4.
    F4(Tensor<4>),
    /// Floats, rank 5.
    F5(Tensor<5>),
    /// Integers, rank 1.
    I1(Tensor<1, Int>),
    /// Integers, rank 2.
    I2(Tensor<2, Int>),
    /// Integers, rank 3: labels `[n, h, w]`.
    I3(Tensor<3, Int>),
    /// Integers, rank 4: pooling indices `[n, c, h, w]`.
    I4(Tensor<4, Int>),
}

/// Runs the same expression on the tensor inside a value, whatever its rank and element type.
macro_rules! each {
    ($value:expr, $x:ident => $body:expr) => {
        match $value {
            $crate::tensor::Value::F1($x) => $body,
            $crate::tensor::Value::F2($x) => $body,
            $crate::tensor::Value::F3($x) => $body,
            $crate::tensor::Value::F4($x) => $body,
            $crate::tensor::Value::F5($x) => $body,
            $crate::tensor::Value::I1($x) => $body,
            $crate::tensor::Value::I2($x) => $body,
            $crate::tensor::Value::I3($x) => $body,
            $crate::tensor::Value::I4($x) => $body,
        }
    };
}

/// Runs the same expression on a float tensor of any rank; an integer tensor is an error.
macro_rules! each_float {
    ($value:expr, $what:expr, $x:ident => $body:expr) => {
        match $value {
            $crate::tensor::Value::F1($x) => $body,
            $crate::tensor::Value::F2($x) => $body,
            $crate::tensor::Value::F3($x) => $body,
            $crate::tensor::Value::F4($x) => $body,
            $crate::tensor::Value::F5($x) => $body,
            other @ ($crate::tensor::Value::I1(_)
            | $crate::tensor::Value::I2(_)
            | $crate::tensor::Value::I3(_)
            | $crate::tensor::Value::I4(_)) => {
                return Err($crate::tensor::unfit(format!("{} does not take {}", $what, other.describe())));
            }
        }
    };
}

pub(crate) use {each, each_float};

/// An error of a plan that does not fit its tensors: a fault of the compiler, not of the spec.
pub(crate) fn unfit(message: impl Into<String>) -> Error {
    Error::new(codes::EXEC_PLAN, Kind::Training, message)
        .help("this is a fault of phgc, not of the spec: please report it with the spec")
}

macro_rules! variants {
    ($($variant:ident $as:ident $tensor:ty;)*) => {
        $(
            impl From<$tensor> for Value {
                fn from(tensor: $tensor) -> Self {
                    Self::$variant(tensor)
                }
            }
        )*

        impl Value {
            $(
                #[doc = concat!("The tensor inside `", stringify!($variant), "`.")]
                ///
                /// # Errors
                /// Another rank or element type.
                pub fn $as(self) -> Result<$tensor> {
                    match self {
                        Self::$variant(tensor) => Ok(tensor),
                        other => Err(unfit(format!(
                            "expected {}, found {}", stringify!($tensor), other.describe()
                        ))),
                    }
                }
            )*
        }
    };
}

#[allow(clippy::wildcard_enum_match_arm, reason = "every other variant is the error")]
mod variants {
    use super::*;

    variants! {
        F1 f1 Tensor<1>;
        F2 f2 Tensor<2>;
        F3 f3 Tensor<3>;
        F4 f4 Tensor<4>;
        F5 f5 Tensor<5>;
        I1 i1 Tensor<1, Int>;
        I2 i2 Tensor<2, Int>;
        I3 i3 Tensor<3, Int>;
        I4 i4 Tensor<4, Int>;
    }
}

impl Value {
    /// A float tensor of `shape` on `device`.
    ///
    /// # Errors
    /// A rank outside 1 to 5, or data of another length.
    pub fn float(data: Vec<f32>, shape: &[usize], device: &Device) -> Result<Self> {
        check_len(data.len(), shape)?;
        let data = TensorData::new(data, shape.to_vec());
        Ok(match shape.len() {
            1 => Self::F1(Tensor::from_data(data, device)),
            2 => Self::F2(Tensor::from_data(data, device)),
            3 => Self::F3(Tensor::from_data(data, device)),
            4 => Self::F4(Tensor::from_data(data, device)),
            5 => Self::F5(Tensor::from_data(data, device)),
            rank => return Err(unfit(format!("no float tensors of rank {rank}"))),
        })
    }

    /// A float tensor of `shape` on `device`, of one value.
    ///
    /// # Errors
    /// A rank outside 1 to 5.
    pub fn full(value: f32, shape: &[usize], device: &Device) -> Result<Self> {
        Ok(match *shape {
            [a] => Self::F1(Tensor::full([a], value, device)),
            [a, b] => Self::F2(Tensor::full([a, b], value, device)),
            [a, b, c] => Self::F3(Tensor::full([a, b, c], value, device)),
            [a, b, c, d] => Self::F4(Tensor::full([a, b, c, d], value, device)),
            [a, b, c, d, e] => Self::F5(Tensor::full([a, b, c, d, e], value, device)),
            _ => return Err(unfit(format!("no float tensors of rank {}", shape.len()))),
        })
    }

    /// An integer tensor of `shape` on `device`.
    ///
    /// # Errors
    /// A rank outside 1 to 4, or data of another length.
    pub fn int(data: Vec<i64>, shape: &[usize], device: &Device) -> Result<Self> {
        check_len(data.len(), shape)?;
        let data = TensorData::new(data, shape.to_vec());
        Ok(match shape.len() {
            1 => Self::I1(Tensor::from_data(data, device)),
            2 => Self::I2(Tensor::from_data(data, device)),
            3 => Self::I3(Tensor::from_data(data, device)),
            4 => Self::I4(Tensor::from_data(data, device)),
            rank => return Err(unfit(format!("no integer tensors of rank {rank}"))),
        })
    }

    /// A copy of a host tensor on `device`.
    ///
    /// # Errors
    /// A rank outside 1 to 5, or data of another length.
    pub fn from_host(tensor: &HostTensor, device: &Device) -> Result<Self> {
        Self::float(tensor.data.clone(), &tensor.shape, device)
    }

    /// The size of each axis.
    pub fn shape(&self) -> Vec<usize> {
        each!(self, x => x.dims().to_vec())
    }

    /// True for integers.
    pub fn is_int(&self) -> bool {
        match self {
            Self::F1(_) | Self::F2(_) | Self::F3(_) | Self::F4(_) | Self::F5(_) => false,
            Self::I1(_) | Self::I2(_) | Self::I3(_) | Self::I4(_) => true,
        }
    }

    /// Such as `float [2, 3, 4, 4]`.
    pub fn describe(&self) -> String {
        format!("{} {:?}", if self.is_int() { "int" } else { "float" }, self.shape())
    }

    /// A copy of the values in host memory, row-major.
    ///
    /// # Errors
    /// Integers, or a device that fails.
    pub fn to_host(&self) -> Result<HostTensor> {
        let data =
            each_float!(self, "a copy to host floats", x => x.try_to_vec_as::<f32>().map_err(device_failed)?);
        Ok(HostTensor { shape: self.shape(), data })
    }

    /// A copy of integer values in host memory, row-major.
    ///
    /// # Errors
    /// Floats, or a device that fails.
    pub fn to_ints(&self) -> Result<Vec<i64>> {
        match self {
            Self::I1(x) => x.try_to_vec_as::<i64>(),
            Self::I2(x) => x.try_to_vec_as::<i64>(),
            Self::I3(x) => x.try_to_vec_as::<i64>(),
            Self::I4(x) => x.try_to_vec_as::<i64>(),
            Self::F1(_) | Self::F2(_) | Self::F3(_) | Self::F4(_) | Self::F5(_) => {
                return Err(unfit(format!("expected integers, found {}", self.describe())));
            }
        }
        .map_err(device_failed)
    }

    /// The same elements in another shape, row-major.
    ///
    /// # Errors
    /// A rank that is not supported, or another number of elements.
    pub fn reshape(self, shape: &[usize]) -> Result<Self> {
        let same = self.shape().iter().product::<usize>() == shape.iter().product::<usize>();
        if !same {
            return Err(unfit(format!("{} does not fit into {shape:?}", self.describe())));
        }
        let int = self.is_int();
        Ok(match (shape, int) {
            (&[a], false) => each_float!(self, "reshape", x => Self::F1(x.reshape([a]))),
            (&[a, b], false) => each_float!(self, "reshape", x => Self::F2(x.reshape([a, b]))),
            (&[a, b, c], false) => each_float!(self, "reshape", x => Self::F3(x.reshape([a, b, c]))),
            (&[a, b, c, d], false) => each_float!(self, "reshape", x => Self::F4(x.reshape([a, b, c, d]))),
            (&[a, b, c, d, e], false) => {
                each_float!(self, "reshape", x => Self::F5(x.reshape([a, b, c, d, e])))
            }
            (_, true) => match self {
                Self::I1(x) => reshape_int(x, shape)?,
                Self::I2(x) => reshape_int(x, shape)?,
                Self::I3(x) => reshape_int(x, shape)?,
                Self::I4(x) => reshape_int(x, shape)?,
                Self::F1(_) | Self::F2(_) | Self::F3(_) | Self::F4(_) | Self::F5(_) => {
                    return Err(unfit("reshape"));
                }
            },
            (_, false) => return Err(unfit(format!("no float tensors of rank {}", shape.len()))),
        })
    }

    /// Without its place in an autodiff graph and without autodiff.
    #[must_use]
    pub fn inner(self) -> Self {
        each!(self, x => Self::from(x.inner()))
    }

    /// With autodiff, as a constant.
    #[must_use]
    pub fn autodiff(self) -> Self {
        each!(self, x => Self::from(x.autodiff()))
    }

    /// With autodiff, as a leaf that has a gradient.
    ///
    /// # Errors
    /// Integers.
    pub(crate) fn leaf(self) -> Result<Self> {
        Ok(each_float!(self, "a gradient", x => x.autodiff().require_grad().into()))
    }

    /// The sum of two float tensors of one shape.
    ///
    /// # Errors
    /// Integers, or another rank.
    #[allow(clippy::wildcard_enum_match_arm, reason = "every other pair is the error")]
    pub(crate) fn add(self, other: Self) -> Result<Self> {
        Ok(match (self, other) {
            (Self::F1(a), Self::F1(b)) => (a + b).into(),
            (Self::F2(a), Self::F2(b)) => (a + b).into(),
            (Self::F3(a), Self::F3(b)) => (a + b).into(),
            (Self::F4(a), Self::F4(b)) => (a + b).into(),
            (Self::F5(a), Self::F5(b)) => (a + b).into(),
            (a, b) => return Err(unfit(format!("{} and {} are not added up", a.describe(), b.describe()))),
        })
    }

    /// The sum `[1]` of the products with a constant of the same shape: its gradient is the constant.
    ///
    /// # Errors
    /// Integers, or another rank.
    #[allow(clippy::wildcard_enum_match_arm, reason = "every other pair is the error")]
    pub(crate) fn dot(self, constant: Self) -> Result<Tensor<1>> {
        Ok(match (self, constant.inner().autodiff()) {
            (Self::F1(a), Self::F1(b)) => (a * b).sum(),
            (Self::F2(a), Self::F2(b)) => (a * b).sum(),
            (Self::F3(a), Self::F3(b)) => (a * b).sum(),
            (Self::F4(a), Self::F4(b)) => (a * b).sum(),
            (Self::F5(a), Self::F5(b)) => (a * b).sum(),
            (a, b) => return Err(unfit(format!("{} has no gradient {}", a.describe(), b.describe()))),
        })
    }

    /// The element type of floats; none for integers.
    pub fn float_type(&self) -> Option<FloatDType> {
        match self {
            Self::F1(x) => Some(x.dtype().into()),
            Self::F2(x) => Some(x.dtype().into()),
            Self::F3(x) => Some(x.dtype().into()),
            Self::F4(x) => Some(x.dtype().into()),
            Self::F5(x) => Some(x.dtype().into()),
            Self::I1(_) | Self::I2(_) | Self::I3(_) | Self::I4(_) => None,
        }
    }

    /// Floats as another element type, with their place in an autodiff graph; integers as they are.
    #[must_use]
    pub fn cast(self, to: FloatDType) -> Self {
        match self {
            Self::F1(x) => x.cast(to).into(),
            Self::F2(x) => x.cast(to).into(),
            Self::F3(x) => x.cast(to).into(),
            Self::F4(x) => x.cast(to).into(),
            Self::F5(x) => x.cast(to).into(),
            ints @ (Self::I1(_) | Self::I2(_) | Self::I3(_) | Self::I4(_)) => ints,
        }
    }

    /// True when every value is a number and not infinite; integers always are.
    ///
    /// # Errors
    /// A device that fails.
    pub fn is_finite(&self) -> Result<bool> {
        if self.is_int() {
            return Ok(true);
        }
        let finite =
            each_float!(self, "the check for finite values", x => x.clone().inner().is_finite().all());
        finite.try_into_scalar::<bool>().map_err(device_failed)
    }
}

fn reshape_int<const D: usize>(x: Tensor<D, Int>, shape: &[usize]) -> Result<Value> {
    Ok(match *shape {
        [a] => Value::I1(x.reshape([a])),
        [a, b] => Value::I2(x.reshape([a, b])),
        [a, b, c] => Value::I3(x.reshape([a, b, c])),
        [a, b, c, d] => Value::I4(x.reshape([a, b, c, d])),
        _ => return Err(unfit(format!("no integer tensors of rank {}", shape.len()))),
    })
}

fn check_len(len: usize, shape: &[usize]) -> Result<()> {
    if HostTensor::elements(shape) == Some(len) {
        Ok(())
    } else {
        Err(unfit(format!("{len} values do not fill {shape:?}")))
    }
}

/// Copies of scalars `[1]` in host memory, all at once: every read of a device that queues its work waits for it.
pub(crate) fn read(scalars: Vec<Tensor<1>>) -> Result<Vec<f64>> {
    if scalars.is_empty() {
        return Ok(Vec::new());
    }
    let all = Tensor::cat(scalars, 0).try_to_vec_as::<f32>().map_err(device_failed)?;
    Ok(all.into_iter().map(f64::from).collect())
}

/// The device did not hand back its values.
pub(crate) fn device_failed(error: impl std::fmt::Display) -> Error {
    Error::new(codes::DEVICE_FAILED, Kind::Training, format!("the device failed: {error}"))
}
