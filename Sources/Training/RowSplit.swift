import CKernels
import Datasets
import Layers
import MPI
import Tensors

/// S and the projection residual R = X - L - S of this rank's rows.
///
/// L is never stored: a batch's L is X - S.
public final class RowSplit {
  /// Global rows held here.
  public let rows: Range<Int>
  /// Pixels of a row.
  public let dimensions: Int
  /// S, [rows.count, dimensions].
  public let sparse: Storage
  /// R, [rows.count, dimensions]; nil before the first projection.
  public private(set) var residual: Storage?

  /// S = 0 for the rows of this rank.
  public init(rows: Range<Int>, dimensions: Int) {
    self.rows = rows
    self.dimensions = dimensions
    sparse = Storage(count: rows.count * dimensions)
  }

  /// R, made on first use.
  public func ensureResidual() -> Storage {
    if let residual { return residual }
    let made = Storage(count: rows.count * dimensions)
    residual = made
    return made
  }

  /// Turns pixels X of `batch` (global rows of this rank), [batch.count, dimensions], into L = X - S in place.
  public func subtract(
    _ batch: UnsafeBufferPointer<Int32>, from pixels: UnsafeMutablePointer<Float>
  ) {
    for (i, row) in batch.enumerated() {
      ck_axpy(
        pixels + i * dimensions, sparse.pointer + (Int(row) - rows.lowerBound) * dimensions, -1,
        dimensions)
    }
  }
}

/// What a projection over all rows of all ranks found.
public struct ProjectionResult: Sendable {
  /// ||X - L - S||_F.
  public var residual = 0.0
  /// ||(L + S) before - (L + S) now||_F; for the first projection L + S was 0.
  public var moved = 0.0
  /// Share of the elements of S that are not zero.
  public var sparsity = 0.0
  /// Seconds it took.
  public var seconds = 0.0
  /// Sum over the elements of |S|.
  public var l1 = 0.0
  /// Mean squared error to the clean images of L, the reconstruction, and of X - S; nil without clean images.
  public var cleanError: (reconstruction: Double, difference: Double)?
}

/// Norms of the whole data matrix X that the split needs.
public struct DataNorms: Sendable {
  /// ||X||_F.
  public var frobenius = 0.0
  /// The induced matrix 1-norm: the largest column sum of |X|; a column is a pixel position, over rows and channels.
  public var induced = 0.0
  /// The sum of |X| over all elements.
  public var entrywise = 0.0
}
