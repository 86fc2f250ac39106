import Foundation
import Tensors
import Testing

@Suite struct TensorTests {
  @Test func shapes() {
    let shape = Shape(2, 3, 4)
    #expect(shape.rank == 3 && shape.count == 24 && shape.rows == 2 && shape.columns == 12)
    #expect(shape.dimensions == [2, 3, 4] && shape[2] == 4)
    #expect("\(shape)" == "[2, 3, 4]")
    #expect(Shape([2, 3, 4]) == shape && Shape(2, 12) != shape && Shape(5) != Shape(5, 1))
    #expect(shape.withRows(7) == Shape(7, 3, 4))
    #expect(Shape(5).columns == 1 && Shape(0, 3).count == 0 && Shape(0, 3).columns == 3)
  }

  @Test func storageIsAlignedAndZero() {
    for count in [0, 1, 1000] {
      let storage = Storage(count: count)
      #expect(Int(bitPattern: storage.pointer) % Storage.alignment == 0)
      #expect(Tensor(storage: storage, shape: Shape(count)).values == zeros(count))
    }
  }

  @Test func borrowedStorageKeepsItsOwner() {
    final class Owner {
      let memory = UnsafeMutablePointer<Float>.allocate(capacity: 3)
      deinit { memory.deallocate() }
    }
    weak var watched: Owner?
    var storage: Storage?
    do {
      let owner = Owner()
      watched = owner
      owner.memory.update(repeating: 7, count: 3)
      storage = Storage(borrowing: owner.memory, count: 3, keeping: owner)
    }
    #expect(watched != nil)
    #expect(storage.map { Tensor(storage: $0, shape: Shape(3)).values } == [7, 7, 7])
    storage = nil
    #expect(watched == nil)
  }

  @Test func viewsShareMemory() {
    let tensor = Tensor(Shape(3, 2), [1, 2, 3, 4, 5, 6])
    let middle = tensor.rows(1..<2)
    #expect(middle.shape == Shape(1, 2) && middle.values == [3, 4])
    middle.pointer[1] = 40
    #expect(tensor.reshaped(Shape(2, 3)).values == [1, 2, 3, 40, 5, 6])
    #expect(tensor.rows(3..<3).values == [])
    #expect(tensor.rows(1..<3).rows(1..<2).values == [5, 6])
  }

  @Test func activationsKeepTheirNames() throws {
    let names = try JSONEncoder().encode(Activation.allCases)
    #expect(
      String(decoding: names, as: UTF8.self)
        == #"["identity","sigmoid","relu","tanh","softplus","leaky_relu"]"#)
  }
}
