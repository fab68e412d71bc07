//! Draws a tile as a PNG.

use std::io::Write;

use anyhow::Context;
use png::{BitDepth, ColorType, Encoder};

use super::Render;
use crate::run::{OperationContext, OperationError};

mod mandelbrot;
mod palette;

use mandelbrot::{LANES, Plane};

/// Up to this size each pixel is the mean of four samples, which takes the grain out of the fringes;
/// larger tiles are fine enough, and would take too long.
const SMOOTH_PIXELS_MAX: u32 = 1 << 20;
/// Samples between two looks at the context: a tenth of a millisecond where the set is deepest.
const SAMPLES_PER_LOOK: u32 = 64;

/// Row by row, so that only the compressed tile is ever in memory as a whole.
pub(super) fn draw(view: &Render, context: &OperationContext) -> Result<Vec<u8>, OperationError> {
    let mut png = Vec::new();
    let mut encoder = Encoder::new(&mut png, view.width, view.height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    let mut file = encoder.write_header().context("writing the PNG header")?;
    let mut rows = file.stream_writer().context("opening the PNG data")?;
    let mut painter = Painter::new(view);
    for row in 0..view.height {
        context.progress(row as f32 / view.height as f32);
        let pixels = painter.row(row, context)?;
        rows.write_all(pixels).context("writing a row")?;
    }
    rows.finish().context("ending the PNG data")?;
    file.finish().context("ending the PNG")?;
    Ok(png)
}

/// Samples along each side of a pixel.
const fn fineness(view: &Render) -> u32 {
    if view.width * view.height <= SMOOTH_PIXELS_MAX { 2 } else { 1 }
}

/// Paints rows of a view, each into the same buffers.
struct Painter {
    plane: Plane,
    fineness: u32,
    sums: Vec<[f32; 3]>,
    pixels: Vec<u8>,
}

impl Painter {
    fn new(view: &Render) -> Self {
        let fineness = fineness(view);
        let samples = (view.width * fineness, view.height * fineness);
        Self {
            plane: Plane::new(samples, view.center, view.zoom),
            fineness,
            sums: vec![[0.0; 3]; view.width as usize],
            pixels: Vec::with_capacity(view.width as usize * 3),
        }
    }

    /// The bytes of one row: red, green, blue.
    fn row(&mut self, row: u32, context: &OperationContext) -> Result<&[u8], OperationError> {
        self.sums.fill([0.0; 3]);
        for fine_row in row * self.fineness..(row + 1) * self.fineness {
            self.add_samples(fine_row, context)?;
        }
        let samples = (self.fineness * self.fineness) as f32;
        self.pixels.clear();
        for sum in &self.sums {
            self.pixels.extend(sum.map(|part| byte(part / samples)));
        }
        Ok(&self.pixels)
    }

    fn add_samples(
        &mut self,
        fine_row: u32,
        context: &OperationContext,
    ) -> Result<(), OperationError> {
        let columns = self.sums.len() * self.fineness as usize;
        let mut column = 0;
        for group in (0..).step_by(LANES).take(columns.div_ceil(LANES)) {
            if group % SAMPLES_PER_LOOK == 0 {
                context.go_on()?;
            }
            let escapes = self.plane.escapes(group, fine_row);
            for escape in escapes.into_iter().take(columns - column) {
                let sum = &mut self.sums[column / self.fineness as usize];
                for (sum, part) in sum.iter_mut().zip(palette::color(escape)) {
                    *sum += part;
                }
                column += 1;
            }
        }
        Ok(())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a mean of colour parts, which are 0 to 255"
)]
fn byte(part: f32) -> u8 {
    part.round() as u8
}

#[cfg(test)]
mod tests;
