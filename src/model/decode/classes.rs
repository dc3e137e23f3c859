//! A network that says what the whole picture shows: `1 x classes`, as likelihoods or as their logarithms.

use super::{Outputs, rows::agreed};
use crate::model::candidate::{Candidates, best_class};

fn scores<'o>(outputs: Outputs<'o>) -> Option<&'o [f32]> {
    let [tensor] = outputs.tensors else { return None };
    // Some keep the axes of the picture, of one pixel.
    let ([1, classes] | [classes] | [1, classes, 1, 1] | [1, 1, 1, classes]) = *tensor.shape() else { return None };
    (classes > 1).then(|| tensor.values())
}

pub(super) fn classes(outputs: Outputs<'_>) -> Option<usize> {
    agreed(scores(outputs)?.len(), outputs)
}

pub(super) fn decode(outputs: Outputs<'_>, candidates: &mut Candidates<'_>) -> Option<()> {
    classes(outputs)?;
    let scores = scores(outputs)?;
    let whole = [0.0, 0.0, outputs.input.width_px as f32, outputs.input.height_px as f32];
    if let Some((class, best)) = best_class(scores.iter().copied()) {
        candidates.add(class, likelihood(scores, best), whole);
    }
    Some(())
}

/// How likely the best class is.
fn likelihood(scores: &[f32], best: f32) -> f32 {
    let sum: f32 = scores.iter().sum();
    let are_likelihoods = scores.iter().all(|score| (0.0..=1.0).contains(score)) && (sum - 1.0).abs() < 0.01;
    if are_likelihoods {
        return best;
    }
    // Scores that are no numbers make this one none, which does not count.
    1.0 / scores.iter().map(|score| (score - best).exp()).sum::<f32>()
}
