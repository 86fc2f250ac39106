extension Sequence<Int> {
  /// The product of numbers that are not negative; nil if it, or a part of it, needs more than 63
  /// bits.
  public var product: Int? {
    var product = 1
    for factor in self where factor != 0 {
      let (next, overflows) = product.multipliedReportingOverflow(by: factor)
      if overflows { return nil }
      product = next
    }
    return contains(0) ? 0 : product
  }
}
