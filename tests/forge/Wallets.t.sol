// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement, ModelTerms, Status} from "contracts/interfaces/ISettlement.sol";
import {BouncingWallet, MoodyWallet, ScribblingWallet, Wallet} from "contracts/mocks/Wallets.sol";
import {VM} from "./Vm.sol";
import {Sale, Spec, Step} from "./Spec.sol";

/// @notice ERC-1271: smart wallets sell, buy and price.
contract WalletsTest is Spec {
    function soldBy(address wallet) internal returns (Sale memory sale) {
        ModelTerms memory terms = termsWith(0, false);
        terms.salt = bytes32(uint256(uint160(wallet)));
        sale = agree(opened(terms));
        sale.quote.seller = wallet;
        relock(sale);
    }

    function acceptanceInvalid(address wallet) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.AcceptanceSignatureInvalid.selector, wallet);
    }

    function test_AWalletSellsWithItsOwnersSignatureAndNoOther() external {
        address wallet = address(new Wallet(seller));
        Sale memory sale = soldBy(wallet);
        bytes memory signature = quoteSignature(sale, ORACLE_KEY);

        refuses(stranger, postCall(sale, signature, acceptance(sale, BUYER_KEY)), acceptanceInvalid(wallet));
        refuses(seller, postCall(sale, signature, ""), acceptanceInvalid(wallet));
        perform(stranger, postCall(sale));
        perform(stranger, stepCall(Step.Settle, sale));

        equal(wallet.balance, PRICE);
    }

    function test_AnAcceptanceByOneWalletIsNoneByAnotherOfTheSameOwner() external {
        (address one, address other) = (address(new Wallet(seller)), address(new Wallet(seller)));
        Sale memory accepted = soldBy(one);
        Sale memory replayed = agree(accepted.terms);
        replayed.quote.seller = other;
        relock(replayed);

        refuses(
            stranger,
            postCall(replayed, quoteSignature(replayed, ORACLE_KEY), acceptance(accepted, SELLER_KEY)),
            acceptanceInvalid(other)
        );
    }

    /// @dev One that is asked what it cannot answer burns all the gas that it is given.
    function test_APrecompileIsNotAsked() external {
        for (uint160 precompile = 1; precompile <= 9; precompile++) {
            Sale memory sale = soldBy(address(precompile));
            bytes memory call_ = postCall(sale, quoteSignature(sale, ORACLE_KEY), "yes");
            bytes memory refusal = acceptanceInvalid(address(precompile));
            uint256 before = gasleft();
            refuses(stranger, call_, refusal);
            assert(before - gasleft() < 100_000);
        }
    }

    function test_AWalletThatDoesNotPlainlySayYesSaysNo() external {
        MoodyWallet wallet = new MoodyWallet(seller);
        Sale memory sale = soldBy(address(wallet));
        bytes memory call_ = postCall(sale);
        for (uint256 mood = 2; mood < 7; mood++) {
            wallet.feel(MoodyWallet.Mood(mood));
            refuses(stranger, call_, acceptanceInvalid(address(wallet)));
        }
        wallet.feel(MoodyWallet.Mood.Honest);
        perform(stranger, call_);
    }

    function test_WhatAWalletSaysYesToIsItsOwnAffair() external {
        MoodyWallet wallet = new MoodyWallet(seller);
        wallet.feel(MoodyWallet.Mood.ApproveAll);
        Sale memory sale = soldBy(address(wallet));

        perform(stranger, postCall(sale, quoteSignature(sale, ORACLE_KEY), ""));

        isIn(sale, Status.Locked);
    }

    function test_AWalletThatWritesWhenItIsAskedIsRefused() external {
        address wallet = address(new ScribblingWallet());
        Sale memory sale = soldBy(wallet);
        refuses(stranger, postCall(sale), acceptanceInvalid(wallet));
    }

    /// @dev EIP-7702.
    function test_AnAccountThatHasKeyAndCodeSignsWithItsKeyAndWithItsCode() external {
        Sale memory sale = agree(opened());
        bytes memory call_ = postCall(sale);
        VM.etch(seller, address(new BouncingWallet(stranger)).code);
        perform(stranger, call_);
        isIn(sale, Status.Locked);

        Sale memory other = agree(sale.terms, "other");
        VM.etch(seller, address(new Wallet(buyer)).code);
        perform(stranger, postCall(other, quoteSignature(other, ORACLE_KEY), acceptance(other, BUYER_KEY)));
        isIn(other, Status.Locked);
    }

    function test_AWalletPrices() external {
        address wallet = address(new Wallet(oracle));
        ModelTerms memory terms = opened();
        perform(buyer, abi.encodeCall(settlement.setOracle, (terms, wallet)));
        Sale memory sale = agree(terms);

        refuses(
            stranger,
            postCall(sale, quoteSignature(sale, SELLER_KEY), acceptance(sale, SELLER_KEY)),
            abi.encodeWithSelector(ISettlement.QuoteSignatureInvalid.selector, wallet)
        );
        perform(stranger, postCall(sale));
    }

    function test_AWalletThatSignedTwoQuotesLosesItsBond() external {
        address wallet = address(new Wallet(oracle));
        ModelTerms memory terms = opened();
        perform(buyer, 7, abi.encodeCall(settlement.bondOracle, (terms, wallet, 7)));
        Sale memory one = agree(terms);
        Sale memory other = agree(terms);
        other.quote.price++;
        bytes memory signature = quoteSignature(one, ORACLE_KEY);
        bytes memory second = quoteSignature(other, ORACLE_KEY);

        perform(
            stranger,
            abi.encodeCall(
                settlement.reportEquivocation, (terms, wallet, [one.quote, other.quote], [signature, second])
            )
        );

        equal(budgetOf(terms), 1 ether + 7);
    }

    function test_AWalletBuys() external {
        Wallet wallet = new Wallet(address(this));
        ModelTerms memory terms = termsWith(0, true);
        terms.owner = address(wallet);
        wallet.execute(address(settlement), abi.encodeCall(settlement.registerModel, (terms, oracle)));
        fund(terms, 1 ether);
        Sale memory sale = lock(agree(terms));
        bytes memory expected = abi.encodeWithSelector(ISettlement.BuyerSignatureInvalid.selector, wallet);

        refuses(stranger, revealCall(sale, receipt(sale, BUYER_KEY)), expected);
        VM.etch(address(wallet), address(new Wallet(buyer)).code);
        perform(stranger, revealCall(sale, receipt(sale, BUYER_KEY)));
        perform(stranger, stepCall(Step.Settle, sale));

        isIn(sale, Status.Paid);
    }
}
