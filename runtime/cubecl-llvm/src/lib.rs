//! Answers in the place of `cubecl-llvm` where there is no LLVM: README.md says why.
//!
//! Comes in: what `cubecl-cuda` asks of its LLVM compiler. Goes out: an error that says that this build has none.
//! Guaranteed: no kernel comes from here. What a compiled kernel would be is a type without values.

#![deny(missing_docs, unsafe_code)]

use std::convert::Infallible;
use std::ffi::c_char;

use cubecl_core::ir::nvidia::SmArch;
use cubecl_core::prelude::KernelDefinition;
use cubecl_environment::backtrace::BackTrace;
use cubecl_runtime::compiler::CompilationError;
use cubecl_runtime::kernel::BufferIOAttr;

pub mod nvptx {
    //! NVIDIA's assembly language.

    pub mod ptx_version {
        //! Its versions.

        use std::fmt;

        /// A version of the language. There is none: nothing is written in it here.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PtxVersion {}

        impl PtxVersion {
            /// No version, whatever the driver.
            pub fn for_driver(_driver: i32) -> Option<Self> {
                None
            }
        }

        impl fmt::Display for PtxVersion {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {}
            }
        }
    }
}

pub mod shared {
    //! What all targets have.

    pub mod lowered_features {
        //! What a target can be asked for.

        use cubecl_core::ir::DeviceProperties;

        /// A kind of GPU.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum GpuTarget {
            /// NVIDIA's.
            Nvptx,
        }

        /// Leaves the properties as they are: without a compiler there is nothing to restrict them to.
        pub fn restrict_features(_: &mut DeviceProperties, _: GpuTarget) {}
    }
}

/// What is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LlvmTarget {
    /// NVIDIA's GPUs.
    Nvptx,
}

/// The compiler that is not there.
#[derive(Clone, Debug)]
pub struct PlironCompiler {
    /// What it would compile for.
    pub target: LlvmTarget,
}

/// What the compiler would be told.
#[derive(Clone, Debug, Default)]
pub struct PlironOptions {
    /// An AMD GPU: none.
    pub arch: Option<Infallible>,
    /// The NVIDIA GPU.
    pub sm_arch: Option<SmArch>,
    /// The version of its assembly language.
    pub ptx_version: Option<nvptx::ptx_version::PtxVersion>,
    /// Are small operands passed with the launch?
    pub grid_constants: bool,
}

/// A compiled kernel, of which there is none.
#[derive(Clone, Debug)]
pub struct NvptxModule {
    /// Assembly.
    pub ptx: Vec<c_char>,
    /// The text that it was made from.
    pub ir: String,
    /// Bytes of shared memory.
    pub shared_memory_size: usize,
    /// What it does with each buffer.
    pub io: Vec<BufferIOAttr>,
    /// Nobody has a value for this.
    pub never: Infallible,
}

/// What compiling gives.
#[derive(Clone, Debug)]
pub enum PlironArtifact {
    /// For NVIDIA's GPUs.
    NvptxCode(NvptxModule),
}

impl PlironCompiler {
    /// Compiles nothing.
    ///
    /// # Errors
    /// Always: this build has no LLVM.
    pub fn compile(
        &mut self,
        _: KernelDefinition,
        _: &PlironOptions,
    ) -> Result<PlironArtifact, CompilationError> {
        Err(CompilationError::Generic {
            reason: "this program was built without LLVM: build it with the feature `cpp` of `cubecl-cuda`".into(),
            backtrace: BackTrace::capture(),
        })
    }

    /// The name of the language that it would write.
    pub fn lang_tag(&self) -> &'static str {
        "llvm"
    }
}
