//! A Kalman filter for each axis: constant velocity, with accelerations as noise.
//!
//! Frames come at irregular times, because the newest wins, so every step takes the true time between two captures
//! (Bar-Shalom, Li and Kirubarajan, Estimation with Applications to Tracking and Navigation, 2001, section 6.2.2).

/// How hard objects accelerate, in their own sizes a second squared: a walker stops or turns within about a second.
const ACCELERATION: f64 = 1.0;

/// How far a box's edge is from the object's, in sizes: motion finds an arm in one frame and not in the next.
const JITTER: f64 = 0.08;

/// How fast an object may be at first, in sizes a second.
const FIRST_SPEED: f64 = 2.0;

/// One coordinate of a track in pixels, and its change in pixels a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) position: f64,
    pub(super) velocity: f64,
    /// The covariance of the two.
    position_variance: f64,
    covariance: f64,
    velocity_variance: f64,
}

impl Axis {
    /// The first hit of a track whose object has this size in pixels.
    pub(super) fn new(position: f64, size: f64) -> Self {
        Self {
            position,
            velocity: 0.0,
            position_variance: (JITTER * size).powi(2),
            covariance: 0.0,
            velocity_variance: (FIRST_SPEED * size).powi(2),
        }
    }

    /// Predicts the state this many seconds later.
    pub(super) fn predict(&mut self, seconds: f64, size: f64) {
        let noise = (ACCELERATION * size).powi(2);
        self.position += self.velocity * seconds;
        self.position_variance +=
            seconds * (2.0 * self.covariance + seconds * self.velocity_variance) + noise * seconds.powi(3) / 3.0;
        self.covariance += seconds * self.velocity_variance + noise * seconds.powi(2) / 2.0;
        self.velocity_variance += noise * seconds;
    }

    /// Corrects the state by a measurement, which is `tolerance` sizes less exact than usual.
    pub(super) fn update(&mut self, seen: f64, size: f64, tolerance: f64) {
        let noise = ((JITTER + tolerance) * size).powi(2);
        let total = self.position_variance + noise;
        let (gain, velocity_gain) = (self.position_variance / total, self.covariance / total);
        let error = seen - self.position;
        self.position += gain * error;
        self.velocity += velocity_gain * error;
        self.velocity_variance -= velocity_gain * self.covariance;
        self.covariance *= 1.0 - gain;
        self.position_variance *= 1.0 - gain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_walker_is_where_it_is_expected_after_gaps_of_any_length() {
        let (speed, size) = (90.0, 60.0);
        let mut axis = Axis::new(0.0, size);
        let mut at = 0.0;
        for gap in [0.1, 0.033, 0.4, 0.1, 0.2, 0.05, 0.1, 0.1, 0.3, 0.1, 0.1, 0.1] {
            at += gap;
            axis.predict(gap, size);
            axis.update(speed * at, size, 0.0);
        }
        assert!((axis.velocity - speed).abs() < 0.1 * speed, "{axis:?}");
        axis.predict(0.7, size);
        assert!((axis.position - speed * (at + 0.7)).abs() < 0.2 * size, "{axis:?} at {}", speed * (at + 0.7));
    }

    #[test]
    fn a_less_exact_measurement_counts_less() {
        let [mut exact, mut inexact] = [Axis::new(100.0, 50.0); 2];
        for axis in [&mut exact, &mut inexact] {
            axis.predict(0.1, 50.0);
        }
        exact.update(120.0, 50.0, 0.0);
        inexact.update(120.0, 50.0, 0.5);
        assert!(exact.position > inexact.position && inexact.position > 100.0);
    }
}
