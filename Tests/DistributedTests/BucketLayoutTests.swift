import Distributed
import Testing

/// The places of blocks, buckets and slices.
@Suite struct BucketLayoutTests {
  private let blocks = [
    ParameterBlock(name: "a", group: 0, count: 784 * 512),
    ParameterBlock(name: "b", group: 0, count: 512),
    ParameterBlock(name: "c", group: 1, count: 1),
    ParameterBlock(name: "d", group: 0, count: 512 * 256),
    ParameterBlock(name: "e", group: 2, count: 2_000_000),
    ParameterBlock(name: "f", group: 1, count: 63),
    ParameterBlock(name: "g", group: 0, count: 49),
  ]

  @Test(arguments: [64, 1000, 4096, BucketLayout.bucketFloats])
  func bucketsTileTheArrayAndHoldOneGroupEach(bucketFloats: Int) {
    let layout = BucketLayout(blocks, bucketFloats: bucketFloats)
    var end = 0
    for bucket in layout.buckets {
      #expect(bucket.range.lowerBound == end && !bucket.range.isEmpty)
      #expect(bucket.range.count % 64 == 0)
      #expect(bucket.blocks.allSatisfy { blocks[$0].group == bucket.group })
      end = bucket.range.upperBound
    }
    #expect(end == layout.count)
  }

  @Test(arguments: [64, 1000, 4096, BucketLayout.bucketFloats])
  func blocksAreAlignedApartAndKnowTheirBuckets(bucketFloats: Int) {
    let layout = BucketLayout(blocks, bucketFloats: bucketFloats)
    let ranges = blocks.indices.map { layout.offsets[$0]..<layout.offsets[$0] + blocks[$0].count }
    for block in blocks.indices {
      #expect(layout.offsets[block] % 16 == 0)
      for other in blocks.indices where other != block {
        #expect(!ranges[block].overlaps(ranges[other]))
      }
      for (index, bucket) in layout.buckets.enumerated() {
        let touches = bucket.range.overlaps(ranges[block])
        #expect(!touches || layout.bucketsOfBlock[block].contains(index))
        #expect(layout.bucketsOfBlock[block].contains(index) == bucket.blocks.contains(block))
      }
    }
  }

  @Test func groupsKeepTheOrderOfTheirBlocks() {
    let layout = BucketLayout(blocks)
    let order = blocks.indices.sorted { layout.offsets[$0] < layout.offsets[$1] }
    #expect(order.map { blocks[$0].name } == ["a", "b", "d", "g", "c", "f", "e"])
  }

  @Test func bucketsAreAboutAMebibyteWhereBlocksAllow() {
    let layout = BucketLayout(blocks)
    for bucket in layout.buckets { #expect(bucket.range.count <= 3 << 17) }
    #expect(layout.buckets.filter { $0.group == 2 }.count == 8)
  }

  @Test(arguments: 1...9) func slicesTileEachBucket(ranks: Int) {
    let layout = BucketLayout(blocks, bucketFloats: 1000)
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
