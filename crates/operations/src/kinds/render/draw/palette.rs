//! Colours by how fast a point runs away: night, sea, foam, amber, rust, plum, and round again.

/// Colours of the cycle, red, green and blue from 0 to 255.
const CYCLE: [[f32; 3]; 8] = [
    [8.0, 18.0, 48.0],
    [20.0, 72.0, 120.0],
    [58.0, 154.0, 166.0],
    [214.0, 234.0, 208.0],
    [250.0, 196.0, 92.0],
    [214.0, 96.0, 48.0],
    [110.0, 30.0, 62.0],
    [32.0, 14.0, 52.0],
];
/// The set itself.
pub(super) const INSIDE: [f32; 3] = [4.0, 6.0, 14.0];
/// Cycles for each e-fold of the count, so that a shallow view fades slowly into the night.
const CYCLES_PER_FOLD: f64 = 0.3;
/// Cycles for each count, so that a deep view, where all counts are high, keeps its contrast.
const CYCLES_PER_COUNT: f64 = 0.0025;
/// Where the cycle starts, chosen so that far-away points are night.
const START: f64 = -0.36;

/// The colour of a sample; `None` never runs away.
pub(super) fn color(escape: Option<f64>) -> [f32; 3] {
    let Some(count) = escape else { return INSIDE };
    let count = count.max(0.0);
    let turns = (count + 2.0).ln() * CYCLES_PER_FOLD + count * CYCLES_PER_COUNT + START;
    at(turns.rem_euclid(1.0) * CYCLE.len() as f64)
}

/// Between two colours, with half of a soft step: straight lines would show as bands.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place on the cycle is 0 to its length"
)]
fn at(place: f64) -> [f32; 3] {
    let from = place as usize % CYCLE.len();
    let to = (from + 1) % CYCLE.len();
    let part = place.fract() as f32;
    let part = part.midpoint(part * part * (3.0 - 2.0 * part));
    std::array::from_fn(|n| CYCLE[from][n] + (CYCLE[to][n] - CYCLE[from][n]) * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_change_smoothly_along_the_counts() {
        let colors: Vec<_> = (0..40_000).map(|n| color(Some(f64::from(n) / 20.0))).collect();
        for (n, pair) in colors.windows(2).enumerate() {
            for (a, b) in pair[0].iter().zip(pair[1]) {
                assert!((a - b).abs() < 40.0 && (0.0..=255.0).contains(&b), "{n}");
            }
        }
        assert_eq!(color(None).map(f32::to_bits), INSIDE.map(f32::to_bits));
    }
}
