import CKernels

extension ConvolutionPlan {
  /// The place of a result, and whether the result is added to the content.
  public typealias Target = (pointer: UnsafeMutablePointer<Float>, adds: Bool)

  /// Work on an output while it is in cache: a bias, one value for each channel, and an activation.
  public struct Epilogue {
    /// Added to each pixel or point; nil for none.
    public let bias: UnsafePointer<Float>?
    /// Applied to the sum with the bias.
    public let activation: Activation

    /// Makes an epilogue from its parts.
    public init(bias: UnsafePointer<Float>? = nil, activation: Activation = .identity) {
      self.bias = bias
      self.activation = activation
    }
  }

  /// Brings weights into the form of the products, `preparedCount` floats.
  public func prepare(
    _ weights: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>
  ) {
    guard case .winograd(let tile) = method else { return }
    ck_winograd_weights(Int32(tile), weights, prepared, weightPlane, channels * features)
  }

  /// Products with images: their convolution, and the gradient of the weights.
  ///
  /// - Parameters:
  ///   - images: [B, H, W, C].
  ///   - weights: [kernel, kernel, C, F], prepared if `preparedCount` is not 0.
  ///   - workspace: `workspaceCount` floats.
  ///   - grids: the place of the convolution [B, h, w, F]; nil for none.
  ///   - epilogue: work on the convolution; must do nothing if the result is added.
  ///   - weightGradient: grids [B, h, w, F]; their products with the images go to a target with the
  ///     layout of the weights.
  ///   - started: called with each part of the images before it is read.
  public func fromImages(
    _ images: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    workspace: UnsafeMutablePointer<Float>, toGrids grids: Target?,
    epilogue: Epilogue = Epilogue(),
    weightGradient: (grids: UnsafePointer<Float>, target: Target)? = nil,
    started: (Range<Int>) -> Void = { _ in }
  ) {
    let memory = Memory(self, workspace, weightGradient?.target)
    forEachChunk(started: started) { first, count in
      expand(images: images, first, count, into: memory)
      if let (grids, _) = weightGradient {
        let grids = expand(grids: grids, first, count, into: memory)
        addWeightGradient(grids, first, count, memory)
      }
      guard let (pointer, adds) = grids else { return }
      let points = count * rowWidth
      let isDirect = method == .patches
      let target = isDirect ? pointer + first * columns * features : memory.grids
      for plane in 0..<planes {
        BLAS.gemm(
          points, features, depth, memory.images + plane * imagePlane, depth, false,
          weights + plane * weightPlane, features, false, target + plane * gridPlane, features,
          beta: isDirect && adds ? 1 : 0)
      }
      if case .winograd(let tile) = method {
        withUnsafePointer(to: geometry) {
          ck_winograd_collect(
            $0, Int32(tile), memory.grids, gridPlane, pointer,
            adds ? nil : epilogue.bias ?? UnsafePointer(memory.zeros), first, count)
        }
      }
    } finished: { range in
      guard let (pointer, adds) = grids, !adds else { return }
      finish(
        pointer + range.lowerBound * gridCount, range.count * rows * columns, features, epilogue)
    }
    finishWeightGradient(weightGradient?.target, memory)
  }

  /// Products with grids: their transposed convolution, and the gradient of the weights.
  ///
  /// - Parameters:
  ///   - grids: [B, h, w, F].
  ///   - weights: [kernel, kernel, C, F], prepared if `preparedCount` is not 0.
  ///   - workspace: `workspaceCount` floats.
  ///   - images: the place of the transposed convolution [B, H, W, C]; nil for none.
  ///   - epilogue: work on the transposed convolution; must do nothing if the result is added.
  ///   - weightGradient: images [B, H, W, C]; their products with the grids go to a target with the
  ///     layout of the weights.
  ///   - started: called with each part of the grids before it is read.
  public func fromGrids(
    _ grids: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    workspace: UnsafeMutablePointer<Float>, toImages images: Target?,
    epilogue: Epilogue = Epilogue(),
    weightGradient: (images: UnsafePointer<Float>, target: Target)? = nil,
    started: (Range<Int>) -> Void = { _ in }
  ) {
    let memory = Memory(self, workspace, weightGradient?.target)
    forEachChunk(started: started) { first, count in
      let source = expand(grids: grids, first, count, into: memory)
      if let (images, _) = weightGradient {
        expand(images: images, first, count, into: memory)
        addWeightGradient(source, first, count, memory)
      }
      guard let (pointer, adds) = images else { return }
      for plane in 0..<planes {
        BLAS.gemm(
          count * rowWidth, depth, features, source + plane * gridPlane, features, false,
          weights + plane * weightPlane, features, true, memory.images + plane * imagePlane, depth)
      }
      withUnsafePointer(to: geometry) {
        if case .winograd(let tile) = method {
          ck_winograd_join(
            $0, Int32(tile), memory.images, imagePlane, pointer,
            adds ? nil : epilogue.bias ?? UnsafePointer(memory.zeros), first, count)
        } else {
          ck_add_patches($0, memory.images, pointer, first, count, adds ? 1 : 0)
        }
      }
    } finished: { range in
      guard let (pointer, adds) = images, !adds else { return }
      finish(
        pointer + range.lowerBound * imageCount, range.count * height * width, channels, epilogue)
    }
    finishWeightGradient(weightGradient?.target, memory)
  }
}

// MARK: - Parts

extension ConvolutionPlan {
  /// The parts of the workspace.
  private struct Memory {
    /// Windows or tiles of the images, tiles of the grids, zeros, and sums of the weight gradient.
    let images: UnsafeMutablePointer<Float>, grids: UnsafeMutablePointer<Float>
    let zeros: UnsafeMutablePointer<Float>
    let sums: Target?

    init(
      _ plan: ConvolutionPlan, _ workspace: UnsafeMutablePointer<Float>, _ gradient: Target?
    ) {
      images = workspace
      grids = images + plan.planes * plan.imagePlane
      zeros = grids + plan.planes * plan.gridPlane
      let zeroCount = max(plan.channels, plan.features)
      if plan.method == .patches {
        sums = gradient
      } else {
        ck_fill(zeros, 0, zeroCount)
        sums = gradient == nil ? nil : (zeros + zeroCount, false)
      }
    }
  }

  /// Calls `body` with the first row and the number of rows of each chunk.
  ///
  /// Also calls `started` with images before their first row is used, and `finished` after their
  /// last row.
  private func forEachChunk(
    started: (Range<Int>) -> Void, _ body: (_ first: Int, _ count: Int) -> Void,
    finished: (Range<Int>) -> Void
  ) {
    let total = images * imageRows
    var (begun, done) = (0, 0)
    for first in stride(from: 0, to: total, by: chunk) {
      let count = min(chunk, total - first)
      let (touched, whole) = (
        Self.tiles(first + count, imageRows), (first + count) / imageRows
      )
      if touched > begun { started(begun..<touched) }
      body(first, count)
      if whole > done { finished(done..<whole) }
      (begun, done) = (touched, whole)
    }
  }

  private func expand(
    images: UnsafePointer<Float>, _ first: Int, _ count: Int, into memory: Memory
  ) {
    withUnsafePointer(to: geometry) {
      if case .winograd(let tile) = method {
        ck_winograd_transform_input(
          $0, Int32(tile), images, memory.images, imagePlane, first, count)
      } else {
        ck_patches($0, images, memory.images, first, count)
      }
    }
  }

  /// Makes the tiles of some grid rows; without tiles, the rows are used in place.
  ///
  /// - Returns: the tiles, or the rows.
  private func expand(
    grids: UnsafePointer<Float>, _ first: Int, _ count: Int, into memory: Memory
  ) -> UnsafePointer<Float> {
    guard case .winograd(let tile) = method else { return grids + first * columns * features }
    withUnsafePointer(to: geometry) {
      ck_winograd_spread($0, Int32(tile), grids, memory.grids, gridPlane, first, count)
    }
    return UnsafePointer(memory.grids)
  }

  private func addWeightGradient(
    _ grids: UnsafePointer<Float>, _ first: Int, _ count: Int, _ memory: Memory
  ) {
    guard let (sums, adds) = memory.sums else { return }
    for plane in 0..<planes {
      BLAS.gemm(
        depth, features, count * rowWidth, memory.images + plane * imagePlane, depth, true,
        grids + plane * gridPlane, features, false, sums + plane * weightPlane, features,
        beta: first == 0 && !adds ? 0 : 1)
    }
  }

  private func finishWeightGradient(_ target: Target?, _ memory: Memory) {
    guard let target else { return }
    if images == 0 {
      if !target.adds { ck_fill(target.pointer, 0, weightCount) }
    } else if case .winograd(let tile) = method, let sums = memory.sums {
      ck_winograd_weight_sums(
        Int32(tile), sums.pointer, weightPlane, target.pointer, channels * features,
        target.adds ? 1 : 0)
    }
  }

  /// Applies the epilogue; Winograd's sums already contain the bias.
  private func finish(
    _ output: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int, _ epilogue: Epilogue
  ) {
    let bias = method == .patches ? epilogue.bias : nil
    if bias == nil && epilogue.activation == .identity { return }
    ck_bias_act(output, bias, rows, columns, epilogue.activation.code)
  }
}
