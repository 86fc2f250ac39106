import Distributed
import Testing

/// The places of slots, buckets and slices.
@Suite struct BucketLayoutTests {
  private let slots = [
    ParameterSlot(name: "a", group: 0, count: 784 * 512),
    ParameterSlot(name: "b", group: 0, count: 512),
    ParameterSlot(name: "c", group: 1, count: 1),
    ParameterSlot(name: "d", group: 0, count: 512 * 256),
    ParameterSlot(name: "e", group: 2, count: 2_000_000),
    ParameterSlot(name: "f", group: 1, count: 63),
    ParameterSlot(name: "g", group: 0, count: 49),
  ]

  @Test(arguments: [64, 1000, 4096, BucketLayout.bucketFloats])
  func bucketsTileTheArrayAndHoldOneGroupEach(bucketFloats: Int) {
    let layout = BucketLayout(slots, bucketFloats: bucketFloats)
    var end = 0
    for bucket in layout.buckets {
      #expect(bucket.range.lowerBound == end && !bucket.range.isEmpty)
      #expect(bucket.range.count % 64 == 0)
      #expect(bucket.slots.allSatisfy { slots[$0].group == bucket.group })
      end = bucket.range.upperBound
    }
    #expect(end == layout.count)
  }

  @Test(arguments: [64, 1000, 4096, BucketLayout.bucketFloats])
  func slotsAreAlignedApartAndKnowTheirBuckets(bucketFloats: Int) {
    let layout = BucketLayout(slots, bucketFloats: bucketFloats)
    let ranges = slots.indices.map { layout.offsets[$0]..<layout.offsets[$0] + slots[$0].count }
    for slot in slots.indices {
      #expect(layout.offsets[slot] % 16 == 0)
      for other in slots.indices where other != slot {
        #expect(!ranges[slot].overlaps(ranges[other]))
      }
      for (index, bucket) in layout.buckets.enumerated() {
        let touches = bucket.range.overlaps(ranges[slot])
        #expect(!touches || layout.bucketsOfSlot[slot].contains(index))
        #expect(layout.bucketsOfSlot[slot].contains(index) == bucket.slots.contains(slot))
      }
    }
  }

  @Test func groupsKeepTheOrderOfTheirSlots() {
    let layout = BucketLayout(slots)
    let order = slots.indices.sorted { layout.offsets[$0] < layout.offsets[$1] }
    #expect(order.map { slots[$0].name } == ["a", "b", "d", "g", "c", "f", "e"])
  }

  @Test func bucketsAreAboutAMebibyteWhereSlotsAllow() {
    let layout = BucketLayout(slots)
    for bucket in layout.buckets { #expect(bucket.range.count <= 3 << 17) }
    #expect(layout.buckets.filter { $0.group == 2 }.count == 8)
  }

  @Test(arguments: 1...9) func slicesTileEachBucket(ranks: Int) {
    let layout = BucketLayout(slots, bucketFloats: 1000)
    for (index, bucket) in layout.buckets.enumerated() {
      var end = bucket.range.lowerBound
      for rank in 0..<ranks {
        let slice = layout.slice(of: index, rank: rank, size: ranks)
        #expect(slice.lowerBound == end && slice.count % 16 == 0)
        end = slice.upperBound
      }
      #expect(end == bucket.range.upperBound)
    }
  }
}
