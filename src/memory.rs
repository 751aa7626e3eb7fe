//! `--memory-limit` and `--batch max`.

use phg_compiler::Network;
use phg_compiler::ir::dim::Sizes;
use phg_runtime::error::{Error, Kind};
use phg_runtime::train::memory::largest_batch;
use phg_runtime::train::prepare::plan;

use crate::allocator;
use crate::args::Batch;

/// Sets the process up for work within a stated memory, if there is one.
pub(crate) fn prepare(limit: Option<u64>) {
    if limit.is_some() {
        allocator::give_back();
    }
}

/// Nobody trains on more images at once; it bounds the search for tiny networks.
const MOST: usize = 4096;

/// The number of images of a training step: the one that is asked for, or the largest within `limit` bytes at the
/// rows and columns of `sizes`.
pub(crate) fn batch(
    asked: Batch,
    network: &Network,
    sizes: &Sizes,
    limit: Option<u64>,
) -> Result<usize, Error> {
    match (asked, limit) {
        (Batch::Of(count), _) => Ok(count),
        (Batch::Max, Some(limit)) => largest_batch(&plan(network), sizes, limit, MOST),
        (Batch::Max, None) => {
            Err(Error::new("phg::train::memory", Kind::Usage, "no memory is stated for the largest batch")
                .at("--batch")
                .help("write `--memory-limit 12GiB` too"))
        }
    }
}
