// librsvg, loaded when a picture is asked for and never before. Linked, it would bring 39 libraries
// into every start of a process, and its headers 71 packages onto every machine that builds.
// So the few functions of librsvg, Cairo and GLib are declared here, as their headers have them.
#ifndef CRSVG_SHIM_H
#define CRSVG_SHIM_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum { crsvg_drawn, crsvg_no_library, crsvg_failed } crsvg_outcome;

typedef struct { double x, y, width, height; } crsvg_rectangle;            // RsvgRectangle
typedef struct { uint32_t domain; int code; char *message; } crsvg_error;  // GError

typedef struct {
  void *(*rsvg_handle_new_from_data)(const uint8_t *, size_t, crsvg_error **);
  int (*rsvg_handle_render_document)(void *, void *, const crsvg_rectangle *, crsvg_error **);
  void (*g_object_unref)(void *);
  void (*g_error_free)(crsvg_error *);
  void *(*cairo_image_surface_create)(int, int, int);
  void *(*cairo_create)(void *);
  int (*cairo_status)(void *);
  void (*cairo_destroy)(void *);
  void (*cairo_surface_flush)(void *);
  uint8_t *(*cairo_image_surface_get_data)(void *);
  int (*cairo_image_surface_get_stride)(void *);
  void (*cairo_surface_destroy)(void *);
} crsvg_library;

// Finds all functions; false, with what the loader says, if one is missing.
static inline int crsvg_load(
    crsvg_library *library, const char *name, char *reason, size_t room) {
  static const char *const names[] = {
      "rsvg_handle_new_from_data", "rsvg_handle_render_document", "g_object_unref",
      "g_error_free", "cairo_image_surface_create", "cairo_create", "cairo_status",
      "cairo_destroy", "cairo_surface_flush", "cairo_image_surface_get_data",
      "cairo_image_surface_get_stride", "cairo_surface_destroy"};
  _Static_assert(sizeof(names) == sizeof(crsvg_library), "a name for each function");
  // Never closed: GLib stays once it is loaded. Its libraries are searched for names, too.
  void *loaded = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
    void *symbol = loaded ? dlsym(loaded, names[i]) : NULL;
    if (!symbol) {
      const char *message = dlerror();
      snprintf(reason, room, "%s", message ? message : names[i]);
      return 0;
    }
    ((void **)library)[i] = symbol;
  }
  return 1;
}

// Draws SVG text, stretched onto `width` x `height` pixels, each three bytes of `rgb`. What the
// text does not cover is black.
static inline crsvg_outcome crsvg_draw(
    const char *name, const uint8_t *svg, size_t count, int width, int height, uint8_t *rgb,
    char *reason, size_t room) {
  crsvg_library c;
  if (!crsvg_load(&c, name, reason, room)) return crsvg_no_library;
  crsvg_error *error = NULL;
  const int rgb24 = 1;  // CAIRO_FORMAT_RGB24: a pixel is a native 32-bit number, 0x00RRGGBB
  void *surface = c.cairo_image_surface_create(rgb24, width, height);
  void *canvas = c.cairo_create(surface);
  void *document = c.rsvg_handle_new_from_data(svg, count, &error);
  crsvg_rectangle page = {0, 0, width, height};
  int is_drawn =
      document && c.rsvg_handle_render_document(document, canvas, &page, &error) &&
      c.cairo_status(canvas) == 0;
  if (is_drawn) {
    c.cairo_surface_flush(surface);
    const uint8_t *pixels = c.cairo_image_surface_get_data(surface);
    const int stride = c.cairo_image_surface_get_stride(surface);
    for (int y = 0; y < height; y++) {
      const uint32_t *row = (const uint32_t *)(const void *)(pixels + (ptrdiff_t)y * stride);
      for (int x = 0; x < width; x++) {
        *rgb++ = (uint8_t)(row[x] >> 16);
        *rgb++ = (uint8_t)(row[x] >> 8);
        *rgb++ = (uint8_t)row[x];
      }
    }
  } else {
    snprintf(reason, room, "%s", error ? error->message : "no memory for the pixels");
  }
  if (error) c.g_error_free(error);
  if (document) c.g_object_unref(document);
  c.cairo_destroy(canvas);
  c.cairo_surface_destroy(surface);
  return is_drawn ? crsvg_drawn : crsvg_failed;
}

#endif
