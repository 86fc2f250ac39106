import COneDNN

extension Primitive {
  /// A convolution with a bias, then max(0, y); its weights lie as the library likes.
  ///
  /// The C function is `dnnl_convolution_forward_desc_init`.
  ///
  /// - Parameter shape: of the weights, [F, C, kernel height, kernel width].
  static func convolution(
    from source: ArrayLayout, to target: ArrayLayout, weights shape: [Int], stride: Int,
    padding: (height: Int, width: Int), on engine: Engine
  ) -> Primitive {
    var operation = dnnl_convolution_desc_t()
    var (from, to) = (source.description, target.description)
    var weights = ArrayLayout(shape, dnnl_format_tag_any).description
    var bias = ArrayLayout([shape[0]], dnnl_x).description
    let (strides, pads) = (
      [Int64(stride), Int64(stride)], [Int64(padding.height), Int64(padding.width)]
    )
    check(
      dnnl_convolution_forward_desc_init(
        &operation, dnnl_forward_inference, dnnl_convolution_direct, &from, &weights, &bias, &to,
        strides, pads, pads),
      "dnnl_convolution_forward_desc_init")
    return Primitive(operation, rectifies: true, on: engine)
  }

  /// A pooling with square windows.
  ///
  /// The C function is `dnnl_pooling_forward_desc_init`.
  static func pooling(
    _ kind: Pooling, from source: ArrayLayout, to target: ArrayLayout, kernel: Int, stride: Int,
    padding: Int, on engine: Engine
  ) -> Primitive {
    var operation = dnnl_pooling_desc_t()
    var (from, to) = (source.description, target.description)
    func both(_ value: Int) -> [Int64] { [Int64(value), Int64(value)] }
    check(
      dnnl_pooling_forward_desc_init(
        &operation, dnnl_forward_inference, kind.algorithm, &from, &to, both(stride), both(kernel),
        both(padding), both(padding)),
      "dnnl_pooling_forward_desc_init")
    return Primitive(operation, rectifies: false, on: engine)
  }
}

/// What a pooling takes of a window.
enum Pooling {
  /// The largest value.
  case maximum
  /// The mean of the values that lie in the image; padding is not counted.
  case mean

  var algorithm: dnnl_alg_kind_t {
    switch self {
    case .maximum: dnnl_pooling_max
    case .mean: dnnl_pooling_avg_exclude_padding
    }
  }
}
