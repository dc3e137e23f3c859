//! YOLOv8 and those that write as it does: `1 x (4 + classes) x boxes`: middle and sides in pixels of the input, and the classes.

use super::{
    Outputs,
    rows::{Rows, agreed},
};
use crate::model::candidate::{Candidates, best_class};

pub(super) fn classes(outputs: Outputs<'_>) -> Option<usize> {
    let channels = Rows::only(outputs)?;
    // There are always more boxes than classes: the other way round it is another network's.
    let is_table = channels.width > channels.count && channels.width >= 16;
    agreed(channels.count.checked_sub(4).filter(|_| is_table)?, outputs)
}

pub(super) fn decode(outputs: Outputs<'_>, candidates: &mut Candidates<'_>) -> Option<()> {
    classes(outputs)?;
    let channels: Vec<_> = Rows::only(outputs)?.iter().collect();
    let (box_channels, class_channels) = channels.split_at_checked(4)?;
    for n in 0..box_channels[0].len() {
        let Some((class, score)) = best_class(class_channels.iter().map(|scores| scores[n])) else { continue };
        let at = |channel: usize| box_channels[channel][n];
        candidates.add_middle(class, score, [at(0), at(1)], [at(2), at(3)]);
    }
    Some(())
}
