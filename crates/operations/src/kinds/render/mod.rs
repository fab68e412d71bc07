//! Renders a tile of the Mandelbrot set.

use json_body::{BodyError, lenient_integer};
use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::{Array, ArrayBuilder, ObjectBuilder, Type},
};

#[cfg(feature = "run")]
use crate::run::{OperationContext, OperationError, Value, on_cpu};
use crate::{CliForm, OperationDefinition, cli::numbers};

#[cfg(feature = "run")]
mod draw;

/// Largest side of a tile, in pixels.
const SIDE_MAX: u32 = 4_096;
/// Largest tile, in pixels.
const PIXELS_MAX: u32 = 4_194_304;
/// Deepest zoom: beyond it neighbouring pixels are the same 64-bit number.
const ZOOM_MAX: f64 = 1e12;
/// Default zoom of a tile on the command line.
const ZOOM_DEFAULT: f64 = 1.0;
/// Default center of a tile on the command line: the whole set is visible.
const CENTER_DEFAULT: [f64; 2] = [-0.5, 0.0];

/// Renders a tile of the Mandelbrot set as a PNG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Render {
    /// Width in pixels. At most 4096, and 4 megapixels in all.
    #[schema(minimum = 1, maximum = 4_096)]
    #[serde(deserialize_with = "lenient_integer::read")]
    pub width: u32,
    /// Height in pixels.
    #[schema(minimum = 1, maximum = 4_096)]
    #[serde(deserialize_with = "lenient_integer::read")]
    pub height: u32,
    /// The center point, real and imaginary part.
    #[schema(schema_with = center)]
    pub center: [f64; 2],
    /// Zoom factor: 1 shows the whole set, 2 half its width.
    #[schema(minimum = 0.1, maximum = 1e12)]
    pub zoom: f64,
}

fn center() -> Array {
    let part = ObjectBuilder::new().schema_type(Type::Number).minimum(Some(-4)).maximum(Some(4));
    ArrayBuilder::new().items(part).min_items(Some(2)).max_items(Some(2)).build()
}

impl OperationDefinition for Render {
    const CLI: CliForm = CliForm {
        syntax: "render:WIDTHxHEIGHT or render:WIDTHxHEIGHT@X,Y,ZOOM",
        example: "render:320x200",
        help: "a Mandelbrot tile; with center and zoom: render:320x200@-0.5,0,4",
    };
    const HAS_IMAGE: bool = true;

    fn check(&self) -> Result<(), BodyError> {
        for (field, side) in [("width", self.width), ("height", self.height)] {
            if !(1..=SIDE_MAX).contains(&side) {
                return Err(BodyError::new(field, format!("must be 1 to {SIDE_MAX}, is {side}")));
            }
        }
        if self.width * self.height > PIXELS_MAX {
            let problem = format!("width x height must be at most {PIXELS_MAX} pixels");
            return Err(BodyError::new("", problem));
        }
        if self.center.iter().any(|part| part.abs() > 4.0) {
            return Err(BodyError::new("center", "both parts must be within -4 to 4"));
        }
        if !(0.1..=ZOOM_MAX).contains(&self.zoom) {
            let problem = format!("must be 0.1 to {ZOOM_MAX}, is {}", self.zoom);
            return Err(BodyError::new("zoom", problem));
        }
        Ok(())
    }

    fn from_cli(arguments: &str) -> Option<Self> {
        let (size, place) = match arguments.split_once('@') {
            Some((size, place)) => (size, numbers(place)?),
            None => (arguments, CENTER_DEFAULT.to_vec()),
        };
        let (width, height) = size.split_once('x')?;
        let (center, zoom) = match *place.as_slice() {
            [x, y] => ([x, y], ZOOM_DEFAULT),
            [x, y, zoom] => ([x, y], zoom),
            _ => return None,
        };
        Some(Self { width: width.parse().ok()?, height: height.parse().ok()?, center, zoom })
    }

    fn example() -> Self {
        Self { width: 320, height: 200, center: CENTER_DEFAULT, zoom: ZOOM_DEFAULT }
    }

    fn random(rng: &mut dyn Rng) -> Self {
        let zoom = f64::from(rng.random_range(1_u32..1_000));
        Self { width: 64, height: 48, center: [-0.74, 0.11], zoom }
    }

    fn summary(&self) -> String {
        format!("{}×{}, zoom {}", self.width, self.height, self.zoom)
    }

    /// The value is `{"tile", "width", "height", "bytes"}`: the name in the store, pixels, size of the PNG.
    #[cfg(feature = "run")]
    async fn run(&self, context: &OperationContext) -> Result<Value, OperationError> {
        let view = self.clone();
        let png = on_cpu(context, move |context| draw::draw(&view, context)).await?;
        let bytes = png.len();
        let tile = context.put_tile(png).await?;
        let Self { width, height, .. } = self;
        Ok(serde_json::json!({ "tile": tile, "width": width, "height": height, "bytes": bytes }))
    }
}

#[cfg(test)]
mod tests;
