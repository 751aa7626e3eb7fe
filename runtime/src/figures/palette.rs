//! Colours that people with colour-blindness tell apart.
//!
//! M. Okabe and K. Ito, "Color Universal Design" (2008); B. Wong, "Points of view: Color blindness", Nature Methods 8
//! (2011). Yellow is left out: on white it is hard to see for everybody.

use super::canvas::{Colour, Marker};
use crate::metrics::agreement::Verdict;

/// Blue.
pub const BLUE: Colour = [0, 114, 178];
/// Vermilion, the palette's red.
pub const RED: Colour = [213, 94, 0];
/// Bluish green.
pub const GREEN: Colour = [0, 158, 115];
/// Orange.
pub const ORANGE: Colour = [230, 159, 0];
/// Reddish purple.
pub const PURPLE: Colour = [204, 121, 167];
/// Sky blue.
pub const SKY: Colour = [86, 180, 233];
/// Black.
pub const BLACK: Colour = [0, 0, 0];

const LINES: [Colour; 7] = [BLUE, RED, GREEN, ORANGE, PURPLE, SKY, BLACK];
const MARKERS: [Marker; 5] =
    [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Cross];

/// Colour and marker of the curve number `at`; 35 differ.
pub fn line(at: usize) -> (Colour, Marker) {
    (LINES[at % LINES.len()], MARKERS[at % MARKERS.len()])
}

/// The colours of Fig. 8 of the PHGMM paper, as this palette has them: green where both are right, red where the
/// other is wrong, blue where this one is, purple where both are.
pub fn verdict(verdict: Verdict) -> Colour {
    match verdict {
        Verdict::Both => GREEN,
        Verdict::OnlyThis => RED,
        Verdict::OnlyOther => BLUE,
        Verdict::Neither => PURPLE,
    }
}

/// Pixels that do not count.
pub const UNCOUNTED: Colour = [235, 235, 235];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_five_curves_differ() {
        let mut seen = Vec::new();
        for at in 0..35 {
            assert!(!seen.contains(&line(at)), "{at}");
            seen.push(line(at));
        }
    }
}
