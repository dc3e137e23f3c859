//! `fovea check`: loads a configuration as the daemon does, and starts nothing.

use std::path::Path;

use super::{Failure, model::health, print_line};
use crate::{config::Config, output, system::cores::Cores};

/// Checks the configuration in `file`, and prints a summary of it and who may use the ports. With `here`, checks also that this
/// machine has the processors' cores, and the files that outputs need, and opens each model.
///
/// # Errors
/// If the configuration is invalid, with every diagnostic.
pub fn run(file: &Path, here: bool) -> Result<(), Failure> {
    let (config, unread) = Config::load_readable(file).map_err(Failure::of_config)?;
    if here {
        Cores::plan(&config.wanted_cores()).map_err(Failure::of_config)?;
        output::check(&config).map_err(Failure::of_config)?;
    }
    let models = if here { check_models(&config).map_err(Failure::of_config)? } else { Vec::new() };
    let names: Vec<_> = config.cameras.iter().map(|camera| camera.name.as_str()).collect();
    let cameras = if names.len() == 1 { "camera" } else { "cameras" };
    let (file, count, names, listen) = (file.display(), names.len(), names.join(", "), config.server.listen);
    print_line(format_args!("{file}: good: {count} {cameras} ({names}), listening on {listen}"))?;
    for model in models {
        print_line(model)?;
    }
    for warning in config.warnings.iter().flat_map(|warnings| warnings.lines()) {
        print_line(format_args!("{warning}"))?;
    }
    match unread {
        Some(error) => print_line(format_args!("{error}; run this as root to check them"))?,
        None => {
            let sentences = config.exposure(config.server.listen, config.http.as_ref().map(|http| http.listen));
            sentences.iter().try_for_each(|sentence| print_line(format_args!("{}: {sentence}", file)))?;
        }
    }
    Ok(())
}

/// Models that cannot be used here, a line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
struct UnusableModels(Vec<String>);

/// A line for each model, if all can be used. The daemon starts without them.
fn check_models(config: &Config) -> Result<Vec<String>, UnusableModels> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (name, manifest) in &config.models {
        match health::check(name, manifest) {
            Ok(health) => {
                let advice = health.advice().map(|advice| format!("; {advice}")).unwrap_or_default();
                good.push(format!("model {name}: {}{advice}", health.summary()));
            }
            Err(reason) => bad.push(format!("model {name}: {reason}")),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(UnusableModels(bad)) }
}
