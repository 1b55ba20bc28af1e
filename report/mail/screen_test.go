package mail

import (
	"bytes"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// screen is what Chromium shows of a page in a frame of a width; the ground beside
// the frame is red where the page is wider.
func screen(t *testing.T, page string, width, height int, dark bool) image.Image {
	t.Helper()
	folder := t.TempDir()
	outer := fmt.Sprintf(`<!DOCTYPE html><body style="margin:0;background:#fff"><iframe id="f" srcdoc="%s" style="width:%dpx;height:%dpx;border:0"></iframe>
<script>f.onload=function(){if(f.contentDocument.documentElement.scrollWidth>%d)document.body.style.background="#f00"}</script>`,
		html.EscapeString(page), width, height, width)
	file, shot := filepath.Join(folder, "page.html"), filepath.Join(folder, "shot.png")
	if err := os.WriteFile(file, []byte(outer), 0o600); err != nil {
		t.Fatal(err)
	}
	scheme := "1"
	if dark {
		scheme = "0"
	}
	const frame = 200 // what a window takes beside its page, and more
	cmd := exec.CommandContext(t.Context(), "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--user-data-dir="+filepath.Join(folder, "profile"),
		fmt.Sprintf("--window-size=%d,%d", width+160, height+frame), "--force-device-scale-factor=1", "--blink-settings=preferredColorScheme="+scheme, "--screenshot="+shot, "file://"+file)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(shot)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// The mail fits a desktop and a phone, by day and by night; one Chromium at a time,
// since each takes all of a small machine. With -update the
// pictures of the README are taken anew.
func TestScreens(t *testing.T) {
	for _, width := range []int{640, 390} {
		for _, dark := range []bool{false, true} {
			name, ground := fmt.Sprintf("mail-%d-light", width), color.RGBA{0xee, 0xf0, 0xf3, 0xff}
			if dark {
				name, ground = fmt.Sprintf("mail-%d-dark", width), color.RGBA{0x12, 0x14, 0x17, 0xff}
			}
			t.Run(name, func(t *testing.T) {
				l, err := NewLetter(office(60), Options{Source: "mail.to"})
				if err != nil {
					t.Fatal(err)
				}
				const height = 1100
				img := screen(t, l.Page(), width, height, dark)
				if got := color.RGBAModel.Convert(img.At(2, 300)); got != ground {
					t.Errorf("the ground is %v, want %v", got, ground)
				}
				if beside := color.RGBAModel.Convert(img.At(width+100, 300)); beside != (color.RGBA{0xff, 0xff, 0xff, 0xff}) {
					t.Errorf("the page is wider than %d", width)
				}
				if !*update {
					return
				}
				cropped := image.NewPaletted(image.Rect(0, 0, width, height), palette(img))
				draw.Draw(cropped, cropped.Bounds(), img, image.Point{}, draw.Src)
				var b bytes.Buffer
				if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, cropped); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join("testdata", name+".png"), b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// palette is the 256 commonest colours, so that the pictures stay small.
func palette(img image.Image) color.Palette {
	count := map[color.Color]int{}
	for y := range 1100 {
		for x := range img.Bounds().Dx() {
			count[img.At(x, y)]++
		}
	}
	var p color.Palette
	for len(p) < 256 && len(count) > 0 {
		var best color.Color
		for c, n := range count {
			if best == nil || n > count[best] {
				best = c
			}
		}
		p = append(p, best)
		delete(count, best)
	}
	return p
}
