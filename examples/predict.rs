//! Loads a run and predicts on a tensor: `cargo run --example predict -- RUN`.

use phg_runtime::{DeviceName, Model, Which};

fn main() -> Result<(), phg_runtime::Error> {
    let run = std::env::args().nth(1).unwrap_or_else(|| "runs/latest".into());
    let model = Model::load(run, Which::Last, DeviceName::Cpu)?;
    let images = burn::tensor::Tensor::<4>::zeros([1, 3, 96, 192], model.device());
    let classes = model.classify(images, [96, 192])?;
    println!("{} pixels of {}", classes.len(), model.table.name);
    Ok(())
}
