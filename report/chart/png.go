package chart

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// PNG renders the drawing with so many pixels for each CSS pixel.
func (d *Drawing) PNG(scale float64) ([]byte, error) {
	width, height := int(math.Ceil(d.Width*scale)), int(math.Ceil(d.Height*scale))
	if width < 1 || height < 1 || width > 1<<14 || height > 1<<14 {
		return nil, fmt.Errorf("draw chart: %d by %d pixels", width, height)
	}
	canvas := image.NewNRGBA(image.Rect(0, 0, width, height))
	for _, r := range d.Rects {
		// Horizontal edges on whole pixels are sharp; the vertical ones keep the
		// bars of one width, so they may be soft.
		x0, x1 := float32(r.X*scale), float32((r.X+r.W)*scale)
		y0, y1 := float32(math.Round(r.Y*scale)), float32(math.Round((r.Y+r.H)*scale))
		if y1 <= y0 {
			y0 = y1 - 1
		}
		box := image.Rect(int(x0), int(y0), int(math.Ceil(float64(x1))), int(math.Ceil(float64(y1)))).Intersect(canvas.Bounds())
		if box.Empty() {
			continue
		}
		raster := vector.NewRasterizer(box.Dx(), box.Dy())
		ox, oy := float32(box.Min.X), float32(box.Min.Y)
		raster.MoveTo(x0-ox, y0-oy)
		raster.LineTo(x1-ox, y0-oy)
		raster.LineTo(x1-ox, y1-oy)
		raster.LineTo(x0-ox, y1-oy)
		raster.ClosePath()
		raster.Draw(canvas, box, image.NewUniform(r.Color), image.Point{})
	}
	if len(d.Texts) > 0 {
		if err := d.write(canvas, scale); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, canvas); err != nil {
		return nil, fmt.Errorf("draw chart: %w", err)
	}
	return out.Bytes(), nil
}

// write sets the texts in the Go font, which is compiled in and has Latin, Greek
// and Cyrillic letters.
func (d *Drawing) write(canvas draw.Image, scale float64) error {
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return fmt.Errorf("draw chart: %w", err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: textSize * scale, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return fmt.Errorf("draw chart: %w", err)
	}
	defer face.Close()
	for _, t := range d.Texts {
		drawer := font.Drawer{Dst: canvas, Src: image.NewUniform(t.Color), Face: face}
		x := fixed.Int26_6(t.X * scale * 64)
		switch width := drawer.MeasureString(t.Text); t.Anchor {
		case Middle:
			x -= width / 2
		case End:
			x -= width
		}
		drawer.Dot = fixed.Point26_6{X: max(x, 0), Y: fixed.Int26_6(t.Y * scale * 64)}
		drawer.DrawString(t.Text)
	}
	return nil
}
