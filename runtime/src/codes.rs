//! Every error code of this crate, with its page.
//!
//! Codes are never renamed or reused. A code without a page in `docs/errors/` does not compile.

/// A stable error code and the page that explains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Such as `phg::data::label_value`.
    pub id: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The page, in Markdown.
    pub page: &'static str,
}

macro_rules! codes {
    ($($name:ident $family:literal $short:literal: $summary:literal;)*) => {
        $(
            #[doc = $summary]
            pub const $name: &str = concat!("phg::", $family, "::", $short);
        )*
        /// All codes, in the order of their families.
        pub const ALL: &[Code] = &[$(Code {
            id: $name,
            summary: $summary,
            page: include_str!(concat!("../../docs/errors/", $family, "/", $short, ".md")),
        }),*];
    };
}

codes! {
    DATA_TABLE "data" "table": "a class table is unusable";
    DATA_UNREADABLE "data" "unreadable": "a file is missing, damaged or cut off";
    DATA_TOO_LARGE "data" "too_large": "a file or picture is larger than what is decoded";
    DATA_LABEL_FORMAT "data" "label_format": "a label file's colour type cannot hold ids";
    DATA_LABEL_VALUE "data" "label_value": "a label file holds a value that is not in the class table";
    DATA_LABEL_MASK "data" "label_mask": "a label file holds only 0 and 255, a mask";
    DATA_MISSING "data" "missing": "a pair lacks its image or its label map";
    DATA_SIZE "data" "size": "sizes do not fit together";
    DATA_LIST "data" "list": "a list of pairs is unusable";
    DATA_ROOT "data" "root": "a dataset's folder is not given, not there or not in its layout";
    DATA_UNKNOWN "data" "unknown": "no dataset has this name";
    DATA_EMPTY "data" "empty": "a split has too few samples";
    DATA_AUGMENT "data" "augment": "an augmentation is out of its range";
    DATA_PREPARATION "data" "preparation": "a size, mean or deviation is unusable";
    DATA_SKIPPED "data" "skipped": "more samples cannot be read than were allowed";
    DATA_CHECK "data" "check": "a dataset has pairs that cannot be used";
    DATA_WORKER "data" "worker": "the loader itself failed";
    DATA_WRITE "data" "write": "a dataset cannot be written to files";
    DATA_SUBMISSION "data" "submission": "predictions cannot be handed in to a benchmark's server";
    USAGE_ARGUMENTS "usage" "arguments": "a command line does not parse";
    USAGE_OUTPUT "usage" "output": "an output folder cannot be made or written to";
    METRICS_LABELS "metrics" "labels": "a label map and a prediction cannot be compared";
    METRICS_WIDTH "metrics" "width": "a trimap's widths are unusable";
    ONNX_INEXPRESSIBLE "onnx" "inexpressible": "ONNX cannot express an operation of the network";
    ONNX_ENGINE "onnx" "engine": "the engine that verifies cannot run a model";
    ONNX_DIFFERS "onnx" "differs": "a model does not compute what the network computes";
    FIGURE_DRAW "figure" "draw": "a figure cannot be drawn";
    DEVICE_NAME "device" "name": "no device has this name";
    DEVICE_MISSING "device" "missing": "this build or machine does not have the device";
    DEVICE_THREADS "device" "threads": "the number of compute threads cannot be set";
    DEVICE_FAILED "device" "failed": "the device did not hand back its values";
    DEVICE_PARITY "device" "parity": "a device computes something else than the processor";
    DEVICE_PRECISION "device" "precision": "no precision has this name";
    EXEC_PLAN "exec" "plan": "a plan does not fit its tensors";
    EXEC_LABELS "exec" "labels": "a plan reads labels and there are none";
    WEIGHTS_MISSING "weights" "missing": "a parameter is not stored";
    WEIGHTS_UNEXPECTED "weights" "unexpected": "a stored tensor belongs to no parameter";
    WEIGHTS_SHAPE "weights" "shape": "a stored tensor has another shape than its parameter";
    WEIGHTS_FILE "weights" "file": "a file of weights cannot be read";
    WEIGHTS_CODE "weights" "code": "a checkpoint holds objects that are neither tensors nor plain values";
    WEIGHTS_DTYPE "weights" "dtype": "a tensor for a parameter does not hold floats";
    WEIGHTS_NOT_FINITE "weights" "not_finite": "a weight is infinite or not a number";
    WEIGHTS_MAP "weights" "map": "a line of a map is no rule";
    WEIGHTS_RULE "weights" "rule": "a rule of a map does not fit the file or the network";
    TRAIN_NOT_FINITE "train" "not_finite": "a loss or gradient is infinite or not a number";
    TRAIN_BATCH "train" "batch": "a batch norm has one value a channel to train on";
    TRAIN_MEMORY "train" "memory": "a training step does not fit into the memory that is stated";
    TRAIN_CLASS_WEIGHTS "train" "class_weights": "class weights do not fit the classes";
    TRAIN_SCHEDULE "train" "schedule": "a number of the learning-rate schedule is out of its range";
    ABLATE_GRID "ablate" "grid": "what a grid of trainings varies is unusable";
    ABLATE_FOLDER "ablate" "folder": "a folder holds another grid, or something else";
    ABLATE_CELLS "ablate" "cells": "trainings of a grid failed";
    RUN_EXISTS "run" "exists": "the run folder already holds something";
    RUN_MISSING "run" "missing": "a folder is no run";
    RUN_LOCKED "run" "locked": "another process is training in the run folder";
    RUN_WRITE "run" "write": "the run folder cannot be written";
    RUN_SPACE "run" "space": "the disk has no room for the run's checkpoints";
    RUN_DAMAGED "run" "damaged": "a file of the run folder cannot be read";
    RUN_CHANGED "run" "changed": "a run is resumed with another spec, other parameters or other data";
    RUN_LATENTS "run" "latents": "a run has no latent spaces to look at";
    RUN_INTERRUPTED "run" "interrupted": "the work was interrupted";
    CHECKPOINT_MISSING "checkpoint" "missing": "the run has no such checkpoint";
    CHECKPOINT_DAMAGED "checkpoint" "damaged": "a checkpoint is not what was saved";
    CHECKPOINT_FORMAT "checkpoint" "format": "a checkpoint has a format that this version does not read";
    CHECKPOINT_WRITE "checkpoint" "write": "a checkpoint could not be saved";
}
