// GraphicsMagick renames its functions by macros, which Swift does not import, and its structures
// hold large arrays; each gets an accessor.
#ifndef CGRAPHICSMAGICK_SHIM_H
#define CGRAPHICSMAGICK_SHIM_H

#include <magick/api.h>

typedef struct { Image *image; ExceptionInfo exception; } cgm_reading;

// Starts the library without its signal handlers, and without text of its own on standard error.
static inline int cgm_start(void) {
  ExceptionInfo exception;
  GetExceptionInfo(&exception);
  unsigned status = InitializeMagickEx(NULL, MAGICK_OPT_NO_SIGNAL_HANDER, &exception);
  DestroyExceptionInfo(&exception);
  (void)SetErrorHandler(NULL);
  (void)SetWarningHandler(NULL);
  return status == MagickPass;
}

static inline int cgm_limit(ResourceType resource, long long limit) {
  return SetMagickResourceLimit(resource, limit) == MagickPass;
}

// Decodes the first picture of a file in memory, by the decoder of that name and no other.
static inline void cgm_read(
    cgm_reading *reading, const char *decoder, const void *bytes, size_t count) {
  GetExceptionInfo(&reading->exception);
  ImageInfo *info = CloneImageInfo(NULL);
  strncpy(info->magick, decoder, sizeof(info->magick) - 1);
  info->affirm = MagickTrue;
  info->subimage = 0;
  info->subrange = 1;
  reading->image = BlobToImage(info, bytes, count, &reading->exception);
  DestroyImageInfo(info);
}

static inline void cgm_end(cgm_reading *reading) {
  if (reading->image) DestroyImageList(reading->image);
  DestroyExceptionInfo(&reading->exception);
}

static inline int cgm_severity(const cgm_reading *r) {
  int found = r->exception.severity;
  if (r->image && (int)r->image->exception.severity > found) found = r->image->exception.severity;
  return found;
}
static inline const char *cgm_reason(const cgm_reading *r) {
  return r->exception.reason ? r->exception.reason
         : r->image          ? r->image->exception.reason
                             : NULL;
}
static inline const char *cgm_detail(const cgm_reading *r) {
  return r->exception.reason ? r->exception.description
         : r->image          ? r->image->exception.description
                             : NULL;
}

static inline long cgm_width(const cgm_reading *r) { return (long)r->image->columns; }
static inline long cgm_height(const cgm_reading *r) { return (long)r->image->rows; }
static inline int cgm_is_transparent(const cgm_reading *r) { return r->image->matte != 0; }
static inline long cgm_canvas_width(const cgm_reading *r) { return (long)r->image->page.width; }
static inline long cgm_canvas_height(const cgm_reading *r) { return (long)r->image->page.height; }
static inline long cgm_left(const cgm_reading *r) { return r->image->page.x; }
static inline long cgm_top(const cgm_reading *r) { return r->image->page.y; }

// Copies all pixels: `map` is "I", "IA", "RGB" or "RGBA"; 8 or 16 bits a value.
static inline int cgm_copy(cgm_reading *r, const char *map, int is_deep, void *pixels) {
  return DispatchImage(r->image, 0, 0, r->image->columns, r->image->rows, map,
                       is_deep ? ShortPixel : CharPixel, pixels, &r->exception) == MagickPass;
}

// Writes a picture as a file in memory, for tests; `free` releases it.
static inline void *cgm_encode(
    const char *format, unsigned long width, unsigned long height, const char *map, int is_deep,
    const void *pixels, int orientation, CompressionType compression, size_t *count) {
  ExceptionInfo exception;
  GetExceptionInfo(&exception);
  ImageInfo *info = CloneImageInfo(NULL);
  Image *image = ConstituteImage(
      width, height, map, is_deep ? ShortPixel : CharPixel, pixels, &exception);
  void *blob = NULL;
  if (image) {
    strncpy(image->magick, format, sizeof(image->magick) - 1);
    image->orientation = (OrientationType)orientation;
    image->depth = is_deep ? 16 : 8;
    image->compression = compression;
    // Grey pixels come with a palette; their file shall have grey values.
    if (!strcmp(map, "I")) image->storage_class = DirectClass;
    strncpy(info->magick, format, sizeof(info->magick) - 1);
    info->compression = compression;
    (void)AddDefinitions(info, "webp:lossless=true", &exception);
    blob = ImageToBlob(info, image, count, &exception);
    DestroyImage(image);
  }
  DestroyImageInfo(info);
  DestroyExceptionInfo(&exception);
  return blob;
}

#endif
