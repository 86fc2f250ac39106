import Layers

/// The memory of a trainer, for planning.
extension Trainer {
  /// Bytes of optimizer state on this rank, of all phases.
  public var optimizerBytes: Int { optimizers.reduce(0) { $0 + $1.stateBytes } }

  /// Bytes of values and gradients of training steps on this rank.
  public var stepBytes: Int { steps.reduce(0) { $0 + $1.tape.memoryBytes } }

  /// Bytes of work on all rows beside its network's values: images, and blocks of compact
  /// arrays.
  public var blockBytes: Int {
    let block = rows.blockRows * dimensions * MemoryLayout<Float>.size
    return block * (1 + (rows.clean == nil ? 0 : 1) + (rowState?.compactCount ?? 0))
  }

  /// Bytes that rank 0 needs to assemble a checkpoint: the gathered state of every phase, and the
  /// content of the file.
  public var assemblyBytes: Int {
    let flat = buckets.count * MemoryLayout<Float>.size
    let gathered = optimizers.reduce(0) { $0 + $1.rule.stateNames.count * flat }
    return gathered + modelBytes + stateBytes
  }

  /// Bytes of weights and optimizer state in a checkpoint.
  public var contentsBytes: Int { modelBytes + stateBytes }

  /// Bytes of a checkpoint that shares no file with another.
  var checkpointBytes: Int { contentsBytes + lanes.rowCount * (rowState?.rowBytes ?? 0) }

  private var modelBytes: Int {
    parameters.parameters.reduce(0) { $0 + $1.shape.count * MemoryLayout<Float>.size }
  }

  private var stateBytes: Int {
    optimizers.reduce(0) { sum, optimizer in
      let trained = parameters.parameters.filter { optimizer.groups >> UInt64($0.group) & 1 == 1 }
      return sum + optimizer.rule.stateNames.count
        * trained.reduce(0) { $0 + $1.shape.count * MemoryLayout<Float>.size }
    }
  }

  /// Bytes of the memory that reconstructing (or generating) `count` images takes.
  public func reconstructionBytes(images count: Int) -> Int {
    let step = Step(seed: settings.seed)
    let local = rows.localRows
    let batch = (0..<count).map { Int32(local.lowerBound + $0 % local.count) }
    batch.withUnsafeBufferPointer { batch in
      step.begin(rows: batch, dimensions: dimensions, purpose: .evaluation, time: 0) {
        images.gather(batch, into: $0)
      }
    }
    if let model = model as? any Encoding {
      _ = model.reconstruct(step.target, step, sampling: true)
    } else {
      _ = (model as? any Generative)?.generate(step)
    }
    return step.tape.memoryBytes
  }
}
