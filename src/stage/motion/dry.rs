//! What is behind rain and snow.
//!
//! A streak or a flake is before a pixel in one picture, and elsewhere in the next. The middle one of a pixel's levels in three
//! pictures in a row is that of what is behind. A background that learnt the streaks, too, would take the wet pixels for restless
//! ones, where people of little contrast do not show.

use opencv::{core::Mat, prelude::*};

/// The two pictures before the present one: rows x columns x 1 bytes. They are kept in weather alone, and take no memory before.
#[derive(Debug, Default)]
pub(super) struct Dry {
    /// The last one first.
    before: [Mat; 2],
    /// How many of them are the ones before the present picture.
    kept: usize,
}

impl Dry {
    /// Knows none of the pictures before.
    pub(super) fn forget(&mut self) {
        self.kept = 0;
    }

    /// Takes the picture before the next one, and leaves memory of its size for that, or none.
    pub(super) fn keep(&mut self, picture: &mut Mat) {
        let [before, earlier] = &mut self.before;
        std::mem::swap(before, earlier);
        std::mem::swap(picture, before);
        self.kept = (self.kept + 1).min(self.before.len());
    }

    /// What is behind the rain in `picture`; that itself, if there were not two before.
    pub(super) fn behind<'p>(&'p mut self, picture: &'p Mat) -> opencv::Result<&'p Mat> {
        let [before, earlier] = &mut self.before;
        if self.kept < 2 || earlier.size()? != picture.size()? {
            return Ok(picture);
        }
        // The earlier one is not needed again, so its memory is.
        self.kept = 1;
        let others = picture.data_typed::<u8>()?.iter().zip(before.data_typed::<u8>()?);
        for (pixel, (&now, &before)) in earlier.data_typed_mut::<u8>()?.iter_mut().zip(others) {
            *pixel = now.min(before).max(now.max(before).min(*pixel));
        }
        Ok(earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(pixels: [u8; 4]) -> Mat {
        Mat::from_slice(&pixels).and_then(|mat| mat.try_clone()).expect("memory")
    }

    /// What is behind each picture.
    fn behind<const N: usize>(pictures: [[u8; 4]; N]) -> [Vec<u8>; N] {
        let (mut dry, mut present) = (Dry::default(), picture([0; 4]));
        pictures.map(|pixels| {
            present = picture(pixels);
            let behind = dry.behind(&present).expect("bytes").data_bytes().expect("bytes").to_vec();
            dry.keep(&mut present);
            behind
        })
    }

    #[test]
    fn what_is_there_for_one_picture_is_left_out_and_a_body_is_not() {
        let pictures = [[90, 90, 90, 0], [200, 90, 90, 10], [92, 200, 30, 20], [90, 90, 30, 30], [90, 90, 200, 40]];
        let [first, second, rest @ ..] = behind(pictures);
        assert_eq!([first, second], [[90, 90, 90, 0], [200, 90, 90, 10]], "nothing tells what is behind");
        assert_eq!(rest, [[92, 90, 90, 10], [92, 90, 30, 20], [90, 90, 30, 30]]);
    }

    #[test]
    fn pictures_of_another_time_have_no_say() {
        let (mut dry, mut present) = (Dry::default(), picture([7; 4]));
        dry.keep(&mut present);
        dry.keep(&mut present);
        dry.forget();
        let mut now = picture([200; 4]);
        assert_eq!(dry.behind(&now).expect("bytes").data_bytes().expect("bytes"), [200; 4]);
        dry.keep(&mut now);
        let now = picture([100; 4]);
        assert_eq!(dry.behind(&now).expect("bytes").data_bytes().expect("bytes"), [100; 4]);
    }
}
