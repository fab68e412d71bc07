//! Tiles as their viewer gets them.

use png::Decoder;

use super::*;
use crate::run::testing::context;

fn view(size: (u32, u32), center: [f64; 2], zoom: f64) -> Render {
    Render { width: size.0, height: size.1, center, zoom }
}

fn tile(size: (u32, u32), center: [f64; 2], zoom: f64) -> Vec<[u8; 3]> {
    let png = draw(&view(size, center, zoom), &context().0).unwrap();
    let mut reader = Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((frame.width, frame.height), size);
    assert_eq!((frame.color_type, frame.bit_depth), (ColorType::Rgb, BitDepth::Eight));
    pixels.as_chunks().0.to_vec()
}

fn inside() -> [u8; 3] {
    palette::INSIDE.map(byte)
}

#[test]
fn a_tile_of_the_whole_set_has_the_set_in_its_middle() {
    let (width, height) = (61, 41);
    let pixels = tile((width, height), [-0.5, 0.0], 1.0);
    let at = |x: u32, y: u32| pixels[(y * width + x) as usize];
    // One pixel is 3/41 of the plane: the middle is -0.5, 14 pixels right of it is beyond the set.
    assert_eq!(at(30, 20), inside());
    assert_eq!(at(23, 20), inside());
    for (x, y) in [(0, 0), (60, 0), (0, 40), (60, 40), (44, 20), (0, 20)] {
        assert_ne!(at(x, y), inside(), "{x}, {y}");
    }
    let share = pixels.iter().filter(|pixel| **pixel == inside()).count() as f64
        / f64::from(width * height);
    // The set's area is 1.506; the view's is 3 x 3 x 61 / 41. The fringe is mixed, so it is less.
    let expected = 1.506 / (9.0 * 61.0 / 41.0);
    assert!((expected * 0.8..expected).contains(&share), "{share}");
}

#[test]
fn above_and_below_the_real_line_are_mirror_images() {
    let (width, height) = (24, 17);
    let pixels = tile((width, height), [-0.7, 0.0], 1.3);
    let rows: Vec<_> = pixels.chunks(width as usize).collect();
    for (above, below) in rows.iter().zip(rows.iter().rev()) {
        assert_eq!(above, below);
    }
}

#[test]
fn a_deep_view_has_contrast() {
    let pixels = tile((32, 32), [-0.743_643_887_037, 0.131_825_904_205], 1e9);
    let colors: std::collections::HashSet<_> = pixels.into_iter().collect();
    assert!(colors.len() > 200, "{}", colors.len());
}

#[test]
fn odd_sizes_are_drawn_in_full() {
    for size in [(1, 1), (1, 9), (9, 1), (7, 3), (1_025, 2)] {
        assert_eq!(tile(size, [0.0, 0.0], 1.0).len(), (size.0 * size.1) as usize);
    }
}

#[test]
fn a_large_tile_takes_one_sample_per_pixel() {
    assert_eq!(fineness(&view((1_024, 1_024), [0.0; 2], 1.0)), 2);
    assert_eq!(fineness(&view((1_025, 1_024), [0.0; 2], 1.0)), 1);
}
