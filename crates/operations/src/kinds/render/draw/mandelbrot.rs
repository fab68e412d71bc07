//! How fast points of the plane run away under z² + c, several at a time.
//!
//! One point alone keeps a core waiting for its own last step; eight side by side keep it busy and
//! are about five times as fast.

/// Points computed side by side.
pub(super) const LANES: usize = 8;
/// Steps between two looks at the points.
const BLOCK: u32 = 16;
/// Steps for a view of the whole set. Points that are left by then count as inside.
const STEPS: f64 = 256.0;
/// More steps for each doubling of the zoom: deeper views are of slower points.
const STEPS_PER_DOUBLING: f64 = 64.0;
/// Squared distance beyond which a point has run away for good.
const AWAY: f64 = 4.0;
/// Squared distance at which the count is taken: a far one makes it smooth.
const FAR: f64 = 65_536.0;
/// Maximum number of steps from [`AWAY`] to [`FAR`], for a point that leaves as slowly as 64 bits allow.
const STEPS_TO_FAR: u32 = 64;
/// Length of the shorter side of a view at zoom 1.
const SIDE: f64 = 3.0;

/// A grid of sample points.
pub(super) struct Plane {
    left: f64,
    top: f64,
    step: f64,
    steps_max: u32,
}

impl Plane {
    /// A grid of `samples` across and down around `center`.
    pub(super) fn new(samples: (u32, u32), center: [f64; 2], zoom: f64) -> Self {
        let step = SIDE / zoom / f64::from(samples.0.min(samples.1));
        let to_first = |count: u32| (f64::from(count) - 1.0) / 2.0 * step;
        let steps = STEPS + STEPS_PER_DOUBLING * zoom.max(1.0).log2();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some thousands at the deepest zoom"
        )]
        let steps_max = steps as u32;
        Self {
            left: center[0] - to_first(samples.0),
            top: center[1] + to_first(samples.1),
            step,
            steps_max,
        }
    }

    /// Counts of the points from `column` on, in one row: smooth, `None` for those that stay.
    pub(super) fn escapes(&self, column: u32, row: u32) -> [Option<f64>; LANES] {
        let mut re = [0.0; LANES];
        for (re, column) in re.iter_mut().zip(column..) {
            *re = self.left + f64::from(column) * self.step;
        }
        Points { re, im: self.top - f64::from(row) * self.step }.escapes(self.steps_max)
    }
}

/// Points of one row.
struct Points {
    re: [f64; LANES],
    im: f64,
}

/// Where the points are on their way.
#[derive(Clone, Copy)]
struct Orbits {
    x: [f64; LANES],
    y: [f64; LANES],
}

impl Points {
    fn escapes(&self, steps_max: u32) -> [Option<f64>; LANES] {
        let mut counts = [None; LANES];
        let mut is_open = self.re.map(|re| !is_in_a_large_part(re, self.im));
        let mut orbits = Orbits { x: [0.0; LANES], y: [0.0; LANES] };
        let (mut seen, mut look_again) = (orbits, BLOCK);
        for steps in (0..steps_max).step_by(BLOCK as usize) {
            if !is_open.contains(&true) {
                break;
            }
            let before = orbits;
            self.advance(&mut orbits);
            for (lane, is_open) in is_open.iter_mut().enumerate().filter(|(_, open)| **open) {
                if orbits.is_away(lane) {
                    *is_open = false;
                    counts[lane] = Some(self.count(lane, &before, steps));
                } else if orbits.is_at(&seen, lane) {
                    *is_open = false; // a cycle: it will never leave
                }
            }
            if steps >= look_again {
                (seen, look_again) = (orbits, 2 * steps);
            }
        }
        counts
    }

    /// All points, also those that are away: that is cheaper than to ask.
    fn advance(&self, orbits: &mut Orbits) {
        for _ in 0..BLOCK {
            let places = orbits.x.iter_mut().zip(&mut orbits.y);
            for ((x, y), re) in places.zip(&self.re) {
                let (xx, yy) = (*x * *x, *y * *y);
                *y = 2.0 * *x * *y + self.im;
                *x = xx - yy + re;
            }
        }
    }

    /// Goes back to the block in which a point left, for its exact count with a smooth fraction.
    fn count(&self, lane: usize, before: &Orbits, steps: u32) -> f64 {
        let (mut x, mut y) = (before.x[lane], before.y[lane]);
        for step in steps..steps + BLOCK + STEPS_TO_FAR {
            let (xx, yy) = (x * x, y * y);
            if xx + yy > FAR {
                return f64::from(step) + 1.0 - ((xx + yy).log2() / 2.0).log2();
            }
            (x, y) = (xx - yy + self.re[lane], 2.0 * x * y + self.im);
        }
        f64::from(steps)
    }
}

impl Orbits {
    fn is_away(&self, lane: usize) -> bool {
        let distance = self.x[lane] * self.x[lane] + self.y[lane] * self.y[lane];
        distance > AWAY || distance.is_nan()
    }

    fn is_at(&self, other: &Self, lane: usize) -> bool {
        self.x[lane].to_bits() == other.x[lane].to_bits()
            && self.y[lane].to_bits() == other.y[lane].to_bits()
    }
}

/// Whether a point is in the heart or in the disc left of it, which together are most of the set.
fn is_in_a_large_part(re: f64, im: f64) -> bool {
    let (right, im2) = (re - 0.25, im * im);
    let q = right * right + im2;
    let is_in_heart = q * (q + right) <= 0.25 * im2;
    is_in_heart || (re + 1.0) * (re + 1.0) + im2 <= 0.0625
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escape(re: f64, im: f64) -> Option<f64> {
        let re = [re; LANES];
        Points { re, im }.escapes(4_096)[LANES - 1]
    }

    #[test]
    fn points_of_the_set_stay_and_others_leave() {
        for (re, im) in [
            (0.0, 0.0),
            (-1.0, 0.0),
            (-2.0, 0.0),
            (0.25, 0.0),
            (-0.125, 0.744),
            (0.0, 1.0),
            (-1.755, 0.0),
        ] {
            assert_eq!(escape(re, im), None, "{re} + {im}i");
        }
        for (re, im) in [(0.26, 0.0), (-2.01, 0.0), (0.5, 0.5), (4.0, 4.0)] {
            assert!(escape(re, im).is_some(), "{re} + {im}i");
        }
        assert!(escape(-2.0 - f64::EPSILON * 2.0, 0.0).is_some());
    }

    #[test]
    fn a_point_nearer_to_the_set_leaves_later() {
        let counts: Vec<_> =
            [4.0, 2.0, 1.0, 0.5, 0.3, 0.26].map(|re| escape(re, 0.0).unwrap()).to_vec();
        assert!(counts.is_sorted(), "{counts:?}");
    }

    proptest! {
        #[test]
        fn eight_at_a_time_is_the_same_as_one_by_one(re in -2.5..1.0, im in -1.3..1.3) {
            let (mut x, mut y, mut plain) = (0.0_f64, 0.0_f64, None);
            for step in 0..4_096_u32 {
                if x * x + y * y > FAR {
                    plain = Some(f64::from(step) + 1.0 - ((x * x + y * y).log2() / 2.0).log2());
                    break;
                }
                (x, y) = (x * x - y * y + re, 2.0 * x * y + im);
            }
            prop_assert_eq!(escape(re, im), plain);
        }

        #[test]
        fn the_set_is_its_own_mirror_image(re in -2.5..1.0, im in -1.3..1.3) {
            prop_assert_eq!(escape(re, im), escape(re, -im));
        }
    }
}
