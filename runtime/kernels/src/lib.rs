//! Processor kernels for convolution networks: what Burn's processor backend lacks or does slowly.
//!
//! Comes in: row-major slices of `f32` in the layout `[n, c, h, w]`, and their shapes. Goes out: new vectors.
//! Guaranteed: a result depends on the operands only, not on the number of threads; a slice that does not fill
//! its shape panics, so that a fault in the caller is never a wrong gradient. Nothing here knows tensors,
//! gradients tapes or plans: matrix products are the `gemm` crate's, threads are rayon's.

pub mod convolve;
mod depthwise;
mod direct;
mod joined;
mod lanes;
pub mod loss;
mod matrix;
pub mod normalise;
mod planes;
pub mod rectify;
pub mod resize;
pub mod softmax;
mod unfold;
mod window;

pub use joined::Joined;
pub use window::Window;

/// The shape of a map: images, channels, rows, columns.
pub type Shape = [usize; 4];
