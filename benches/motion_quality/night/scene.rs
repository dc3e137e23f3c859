//! What happens in a scene, and how its frames are made.

use super::{
    backdrop::Backdrop,
    canvas::{Canvas, WIDTH},
    effect::Effect,
    people::{Company, Person, timetable},
};
use crate::random::Random;

/// Makes an effect of its own random numbers.
pub(crate) type MakeEffect = fn(Random) -> Box<dyn Effect>;

/// A kind of scene; with a seed and a backdrop it is a scene.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) name: String,
    /// Who comes, with which contrast, and how often.
    pub(crate) people: Option<(Company, f64, u32)>,
    /// How long it lasts if nobody comes.
    pub(crate) seconds: f64,
    /// On the ground, behind people.
    pub(crate) behind: Vec<MakeEffect>,
    /// Between people and the lens, or in the camera.
    pub(crate) before: Vec<MakeEffect>,
    /// The part of the daylight that there is.
    pub(crate) light: f64,
    /// Standard deviation of each pixel's noise, in grey levels before JPEG.
    pub(crate) noise: f64,
    /// The quality of JPEG.
    pub(crate) quality: i32,
}

/// A scene as it goes on.
pub(crate) struct Scene<'a> {
    backdrop: &'a Backdrop,
    lit: Vec<u8>,
    covered: Vec<u8>,
    pub(crate) people: Vec<Person>,
    pub(crate) seconds: f64,
    behind: Vec<Box<dyn Effect>>,
    before: Vec<Box<dyn Effect>>,
    noise: Vec<i8>,
    random: Random,
    canvas: Canvas,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(plan: &Plan, seed: u64, backdrop: &'a Backdrop) -> Self {
        let name = plan.name.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let mut random = Random::new(name);
        let fork = |number: u64| Random::new(name.wrapping_mul(1_000_003).wrapping_add(number));
        let (people, seconds) = match plan.people {
            Some((company, contrast, count)) => timetable(company, contrast, count, &mut fork(1)),
            None => (Vec::new(), plan.seconds),
        };
        let dim =
            |pixels: &[u8]| -> Vec<u8> { pixels.iter().map(|&level| (f64::from(level) * plan.light) as u8).collect() };
        let behind: Vec<_> = (2..).zip(&plan.behind).map(|(number, make)| make(fork(number))).collect();
        let mut covered = dim(&backdrop.covered);
        behind.iter().for_each(|effect| effect.cover(&mut covered));
        Self {
            lit: dim(&backdrop.pixels),
            covered,
            backdrop,
            people,
            seconds,
            behind,
            before: (20..).zip(&plan.before).map(|(number, make)| make(fork(number))).collect(),
            noise: (0..1 << 20).map(|_| (random.gaussian() * plan.noise).round() as i8).collect(),
            random,
            canvas: Canvas::new(),
        }
    }

    /// The frame at `time`.
    pub(crate) fn compose(&mut self, time: f64) -> &[u8] {
        self.canvas.pixels.copy_from_slice(&self.lit);
        self.behind.iter_mut().for_each(|effect| effect.paint(&mut self.canvas, time));
        for person in &self.people {
            person.draw(&mut self.canvas, &self.covered, time);
        }
        self.before.iter_mut().for_each(|effect| effect.paint(&mut self.canvas, time));
        debug_assert_eq!(self.canvas.pixels.len(), self.backdrop.pixels.len());
        for row in self.canvas.pixels.chunks_exact_mut(WIDTH) {
            let from = self.random.below(self.noise.len() - WIDTH);
            for (pixel, &noise) in row.iter_mut().zip(&self.noise[from..]) {
                *pixel = pixel.saturating_add_signed(noise);
            }
        }
        &self.canvas.pixels
    }
}
