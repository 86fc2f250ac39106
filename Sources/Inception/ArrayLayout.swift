import COneDNN
import Tensors

/// The shape of an array for oneDNN, and how its elements lie in memory.
struct ArrayLayout {
  /// The description by oneDNN.
  var description: dnnl_memory_desc_t

  init(_ description: dnnl_memory_desc_t) { self.description = description }

  /// An array of floats in a named layout; `dnnl_format_tag_any` leaves it to the library.
  ///
  /// The C function is `dnnl_memory_desc_init_by_tag`.
  init(_ shape: [Int], _ tag: dnnl_format_tag_t) {
    description = dnnl_memory_desc_t()
    check(
      dnnl_memory_desc_init_by_tag(
        &description, Int32(shape.count), shape.map(Int64.init), dnnl_f32, tag),
      "dnnl_memory_desc_init_by_tag")
  }

  /// A part of an array [1, C, H, W]: channels from `first` on.
  ///
  /// The C function is `dnnl_memory_desc_init_submemory`.
  func channels(from first: Int, shape: [Int]) -> ArrayLayout {
    var (whole, part) = (description, dnnl_memory_desc_t())
    check(
      dnnl_memory_desc_init_submemory(
        &part, &whole, shape.map(Int64.init), [0, Int64(first), 0, 0]),
      "dnnl_memory_desc_init_submemory")
    return ArrayLayout(part)
  }

  /// The number of floats that the array takes.
  var floats: Int {
    var description = description
    let size = MemoryLayout<Float>.stride
    return (dnnl_memory_desc_get_size(&description) + size - 1) / size
  }

  /// Whether two arrays have the same shape and layout.
  static func == (a: ArrayLayout, b: ArrayLayout) -> Bool {
    var (a, b) = (a.description, b.description)
    return dnnl_memory_desc_equal(&a, &b) != 0
  }
}

/// The layout of feature maps with which this processor's convolutions are fastest.
///
/// oneDNN 2.6 has its best kernels for channels last with vectors of 512 bits (157 GFLOP/s a core
/// instead of 104 in blocks, by measurement), and for blocks of 8 channels with 256 bits.
enum MapLayout: CaseIterable {
  case channelsLast
  case blocksOf16
  case blocksOf8
  case planar

  var tag: dnnl_format_tag_t {
    switch self {
    case .channelsLast: dnnl_nhwc
    case .blocksOf16: dnnl_nChw16c
    case .blocksOf8: dnnl_nChw8c
    case .planar: dnnl_nchw
    }
  }

  /// The layout that the library chooses for a convolution; channels last if it is none of these.
  static func chosen(by engine: Engine) -> MapLayout {
    let shape = [1, 64, 17, 17]
    let found = Primitive.convolution(
      from: ArrayLayout(shape, dnnl_format_tag_any), to: ArrayLayout(shape, dnnl_format_tag_any),
      weights: [64, 64, 3, 3], stride: 1, padding: (1, 1), on: engine
    ).layout(dnnl_query_src_md)
    return allCases.first { ArrayLayout(shape, $0.tag) == found } ?? .channelsLast
  }
}
