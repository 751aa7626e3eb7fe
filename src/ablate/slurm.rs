//! An array of jobs for Slurm's `sbatch`: each trains one part of the grid.
//!
//! Guaranteed: the script asks for nothing that depends on a cluster, but for a signal two minutes before the end of a
//! job's time, upon which the training that is going on is saved.

use std::path::PathBuf;

use phg_runtime::codes;
use phg_runtime::error::{Error, Kind};

use super::folder::Folder;
use super::grid::Grid;

/// A script that was written.
pub(super) struct Script {
    pub(super) path: PathBuf,
    /// Jobs of the array.
    pub(super) parts: u64,
}

/// Writes `slurm.sh` into the grid's folder.
///
/// # Errors
/// `phg::run::write`, and `phg::usage::arguments` where the program does not know where it lies.
pub(super) fn write(folder: &Folder, grid: &Grid, parts: Option<u64>) -> Result<Script, Error> {
    let parts = parts.unwrap_or(grid.trainings().len() as u64);
    let unknown = |error: std::io::Error| {
        Error::new(codes::USAGE_ARGUMENTS, Kind::Usage, format!("this process has no place: {error}"))
    };
    let program = std::env::current_exe().map_err(unknown)?.display().to_string();
    let from = std::env::current_dir().map_err(unknown)?.display().to_string();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let text = script(&program, &from, &folder.path().display().to_string(), &args, parts);
    Ok(Script { path: folder.replace("slurm.sh", text.as_bytes())?, parts })
}

fn script(program: &str, from: &str, folder: &str, args: &[String], parts: u64) -> String {
    let kept = args.iter().filter(|arg| *arg != "--slurm" && !arg.starts_with("--slurm="));
    let words: Vec<String> = [program].into_iter().chain(kept.map(String::as_str)).map(quoted).collect();
    format!(
        "#!/bin/bash\n\
         #SBATCH --job-name=phgc-ablate\n\
         #SBATCH --array=1-{parts}\n\
         #SBATCH --output=\"{folder}/slurm-%a.log\"\n\
         #SBATCH --open-mode=append\n\
         #SBATCH --signal=B:TERM@120\n\
         # Add what your cluster asks for: partition, time, memory, processors, GPUs.\n\
         # A job whose time is over saves its training; submit the script again to go on.\n\
         set -e\n\
         cd {from}\n\
         exec {command} --shard \"${{SLURM_ARRAY_TASK_ID}}/{parts}\"\n",
        from = quoted(from),
        command = words.join(" "),
    )
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_repeated_with_a_part_of_the_grid() {
        let args = ["ablate", "it's.phg", "--vary", "blocks=[1, 1],[2, 2]", "--slurm=4", "-o", "a b"];
        let text = script("/bin/phgc", "/my work", "/my work/a b", &args.map(String::from), 4);
        assert!(text.starts_with("#!/bin/bash\n#SBATCH "));
        assert!(
            text.contains("\n#SBATCH --array=1-4\n")
                && text.contains("--output=\"/my work/a b/slurm-%a.log\"")
        );
        let last = "cd '/my work'\nexec /bin/phgc ablate 'it'\\''s.phg' --vary 'blocks=[1, 1],[2, 2]' -o 'a b' --shard \"${SLURM_ARRAY_TASK_ID}/4\"\n";
        assert!(text.ends_with(last), "{text}");
    }
}
