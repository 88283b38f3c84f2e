// Signatures of the test key 0xac09…ff80, made here: the address of an escrow is
// known only once it is deployed. The nonce is always 1, which would give a real
// key away.
use core::integer::u128_byte_reverse;
use core::keccak::keccak_u256s_be_inputs;
use core::math::u256_mul_mod_n;
use starknet::ContractAddress;
use super::escrow::BatchItem;

const ORDER: u256 = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
const HALF_ORDER: u256 = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
const SECRET: u256 = 0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80;
// The x of the generator, whose y is even.
const G_X: u256 = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798;
const BATCH_TAG: u256 = 0x23598871f195ad7c1d42ac7cb7739d24d7b13476e81094ff0cfa750970fcdbbd;

fn key() -> (u256, u256) {
    (
        0x8318535b54105d4a7aae60c08fc45f9687181b4fdfc625bd1a753fa7397fed75,
        0x3547f11ca8696646f2f3acb08e31016afac23e630c5d11f59f61fef57b0d2aa5
    )
}

// sign returns r, the smaller s and v.
fn sign(words: Array<u256>) -> (u256, u256, u32) {
    let hash = keccak_u256s_be_inputs(words.span());
    let z = u256 { low: u128_byte_reverse(hash.high), high: u128_byte_reverse(hash.low) };
    let z = z % ORDER;
    let rd = u256_mul_mod_n(G_X, SECRET, ORDER.try_into().unwrap());
    let s = if z >= ORDER - rd {
        z - (ORDER - rd)
    } else {
        z + rd
    };
    if s > HALF_ORDER {
        (G_X, ORDER - s, 1)
    } else {
        (G_X, s, 0)
    }
}

fn item(deal_id: u256, chunk_index: u64) -> BatchItem {
    BatchItem { deal_id, chunk_index, proof_set_id: 42, root_cid: 0xbeef, timestamp: 1000 }
}

// chunk signs one attestation, with the values of item.
fn chunk(deal_id: u256, chunk_index: u64) -> (u256, u256, u32) {
    sign(array![deal_id, chunk_index.into(), 42, 0xbeef, 1000])
}

// batch signs items for an escrow on Sepolia.
fn batch(
    escrow: ContractAddress, items: Array<BatchItem>
) -> (Array<BatchItem>, u256, u256, u32) {
    let escrow: felt252 = escrow.into();
    let chain: felt252 = 'SN_SEPOLIA';
    let mut words = array![BATCH_TAG, chain.into(), escrow.into(), items.len().into()];
    let mut rest = items.span();
    while let Option::Some(i) = rest
        .pop_front() {
            words.append(*i.deal_id);
            words.append((*i.chunk_index).into());
            words.append(*i.proof_set_id);
            words.append(*i.root_cid);
            words.append((*i.timestamp).into());
        };
    let (r, s, v) = sign(words);
    (items, r, s, v)
}
