import Foundation
import Guard
import Support
import Synchronization
import Tensors
import Training

/// Signals that arrive while matrices are multiplied.
let signalChecks: [String: RankCheck] = [
  // A handler on a stack of oneDNN, which is a piece of the heap, overwrites operands and what lies
  // beside them.
  "signals-in-products": { _, _ in
    StopSignals.install()
    Workers.start(2)
    var numbers = SplitMix64(seed: 1)
    func tensor(_ rows: Int, _ columns: Int) -> Tensor {
      Tensor(Shape(rows, columns), (0..<rows * columns).map { _ in numbers.nextFloat() })
    }
    let layers = [(64, 784, 16), (64, 16, 2), (64, 2, 16), (64, 16, 784), (64, 300, 200)].map {
      (x: tensor($0, $1), weight: tensor($1, $2), y: tensor($0, $2))
    }
    func products() -> [[Float]] {
      layers.flatMap { layer in
        let (c, dx, dw) = (
          Tensor(layer.y.shape), Tensor(layer.x.shape), Tensor(layer.weight.shape)
        )
        BLAS.multiply(layer.x, layer.weight, into: c)
        BLAS.multiply(layer.y, layer.weight, into: dx, transposeB: true)
        BLAS.multiply(layer.x, layer.y, into: dw, transposeA: true)
        return [c.values, dx.values, dw.values]
      }
    }
    let expected = products()

    let isOver = Atomic(false)
    let multiplying = pthread_self()
    let sender = Thread {
      while !isOver.load(ordering: .relaxed) {
        // To the thread that multiplies, and to whichever thread takes it.
        pthread_kill(multiplying, SIGUSR1)
        kill(getpid(), SIGTERM)
        usleep(20)
      }
    }
    sender.start()
    for round in 0..<300 {
      try expect(products() == expected, "the products of round \(round) differ")
    }
    isOver.store(true, ordering: .relaxed)
    try expect(StopSignals.arrived, "no signal was noticed")
  }
]
