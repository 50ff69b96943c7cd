// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement, ModelTerms, Status} from "contracts/interfaces/ISettlement.sol";
import {BlacklistingToken, HookToken, Token} from "contracts/mocks/Tokens.sol";
import {BombWallet, BouncingWallet, BurningWallet, ReentrantWallet, Wallet} from "contracts/mocks/Wallets.sol";
import {VM} from "./Vm.sol";
import {Sale, Spec, Step} from "./Spec.sol";

/// @notice Sellers and tokens that misbehave when they are paid: each is credited instead, and blocks nobody.
contract PayeesTest is Spec {
    uint256 internal constant MOST_GAS = 300_000;

    /// @notice The steps that pay a seller.
    Step[3] internal steps = [Step.RevealData, Step.Settle, Step.Finalize];

    /// @notice A sale by `payee`, who has the seller's consent, that `step` can close.
    function saleBy(address payee, address token, Step step) internal returns (Sale memory sale) {
        ModelTerms memory terms = termsWith(0, false);
        terms.token = token;
        terms.salt = keccak256(abi.encode(payee, step));
        sale = agree(opened(terms));
        sale.quote.seller = payee;
        relock(sale);
        perform(payee, postCall(sale, quoteSignature(sale, ORACLE_KEY), ""));
        makeReady(sale, step);
    }

    function pays(Sale memory sale, Step step) internal {
        bytes memory call_ = stepCall(step, sale);
        uint256 before = held(sale.order.token, sale.order.seller);
        expectPaid(sale);
        perform(stranger, call_);
        isIn(sale, Status.Paid);
        equal(held(sale.order.token, sale.order.seller), before + PRICE);
        equal(settlement.creditOf(sale.order.token, sale.order.seller), 0);
    }

    function credits(Sale memory sale, Step step) internal {
        bytes memory call_ = stepCall(step, sale);
        uint256 credit = settlement.creditOf(sale.order.token, sale.order.seller);
        expectPaid(sale);
        expectCredited(sale.order.token, sale.order.seller, PRICE);
        uint256 gas_ = gasleft();
        perform(stranger, call_);
        assert(gas_ - gasleft() < MOST_GAS);
        isIn(sale, Status.Paid);
        equal(settlement.creditOf(sale.order.token, sale.order.seller), credit + PRICE);
    }

    // --- wallets ---

    function test_AWalletThatTakesMoneyIsPaid() external {
        for (uint256 i = 0; i < 3; i++) {
            pays(saleBy(address(new Wallet(seller)), NATIVE, steps[i]), steps[i]);
        }
    }

    function test_AWalletThatRefusesBurnsOrBombsIsCredited() external {
        for (uint256 i = 0; i < 3; i++) {
            credits(saleBy(address(new BouncingWallet(seller)), NATIVE, steps[i]), steps[i]);
        }
        credits(saleBy(address(new BurningWallet(seller)), NATIVE, Step.Settle), Step.Settle);
        credits(saleBy(address(new BombWallet(seller)), NATIVE, Step.Finalize), Step.Finalize);
    }

    function test_WhatWasCreditedIsPaidWhereTheWalletSays() external {
        BouncingWallet wallet = new BouncingWallet(address(this));
        credits(saleBy(address(wallet), NATIVE, Step.Settle), Step.Settle);

        wallet.execute(address(settlement), abi.encodeCall(settlement.withdrawCredit, (NATIVE, PRICE, address(0x4E13))));

        equal(address(0x4E13).balance, PRICE);
    }

    /// @dev GAS, PUSH0, SSTORE: the payee notes the gas that it was given. A payment of value comes with 2,300 more.
    function test_APushHasItsGasAndNoMore() external {
        address payee = address(0xFEE);
        VM.etch(payee, hex"5a5f55");
        pays(saleBy(payee, NATIVE, Step.Settle), Step.Settle);
        equal(uint256(VM.load(payee, 0)), 100_000 + 2300 - 2);

        address token = give(address(new Token()));
        Sale memory sale = saleBy(seller, token, Step.Settle);
        VM.etch(token, hex"5a5f5560015f5260205ff3");
        perform(stranger, stepCall(Step.Settle, sale));
        equal(uint256(VM.load(token, 0)), 100_000 - 2);
    }

    /// @notice The sender cannot make the payment fail: with any amount of gas, an honest payee is paid, or the call
    /// reverts.
    function test_TooLittleGasIsRefusedAndNeverCredits() external {
        for (uint256 i = 0; i < 3; i++) {
            Sale memory sale = saleBy(address(new Wallet(seller)), NATIVE, steps[i]);
            bytes memory call_ = stepCall(steps[i], sale);
            uint256 most = 0;
            bool success = false;
            for (uint256 gas_ = 60_000; !success; gas_ += 500) {
                bytes memory answer;
                VM.prank(stranger);
                (success, answer) = address(settlement).call{gas: gas_}(call_);
                if (!success && answer.length > 0) most = availableGas(answer);
            }
            equal(sale.order.seller.balance, PRICE);
            assert(most > 118_000);
        }
    }

    function availableGas(bytes memory answer) internal pure returns (uint256 available) {
        bytes4 selector = bytes4(answer);
        uint256 required;
        assembly ("memory-safe") {
            required := mload(add(answer, 0x24))
            available := mload(add(answer, 0x44))
        }
        equal(bytes32(selector), bytes32(ISettlement.GasTooLow.selector));
        equal(required, 120_000);
        assert(available < required);
    }

    // --- reentrancy ---

    function test_ASellerWhoCallsBackWhilePaidGetsNothingMore() external {
        Step[4] memory attempts = [Step.Finalize, Step.Settle, Step.Refund, Step.RevealData];
        for (uint256 i = 0; i < 12; i++) {
            ReentrantWallet wallet = new ReentrantWallet(seller);
            ModelTerms memory terms = termsWith(0, i % 2 == 0);
            terms.salt = bytes32(i);
            Sale memory sale = agree(opened(terms));
            sale.quote.seller = address(wallet);
            relock(sale);
            perform(address(wallet), postCall(sale, quoteSignature(sale, ORACLE_KEY), ""));
            makeReady(sale, steps[i % 3]);
            wallet.plan(address(settlement), stepCall(attempts[i / 3], sale));

            pays(sale, steps[i % 3]);

            assert(wallet.tried());
            assert(!wallet.succeeded());
        }
    }

    function test_ATokenThatCallsItsReceiverDoesNotPayTwice() external {
        address token = give(address(new HookToken()));
        ReentrantWallet wallet = new ReentrantWallet(seller);
        Sale memory sale = saleBy(address(wallet), token, Step.Finalize);
        wallet.plan(address(settlement), stepCall(Step.Finalize, sale));

        pays(sale, Step.Finalize);

        assert(wallet.tried());
        assert(!wallet.succeeded());
    }

    // --- tokens ---

    function test_ASellerWhomTheTokenHasListedIsCredited() external {
        BlacklistingToken token = new BlacklistingToken();
        give(address(token));
        for (uint256 i = 0; i < 3; i++) {
            Sale memory sale = saleBy(seller, address(token), steps[i]);
            token.list(seller, true);
            credits(sale, steps[i]);
            token.list(seller, false);
        }

        perform(seller, abi.encodeCall(settlement.withdrawCredit, (address(token), 3 * PRICE, address(0x4E13))));

        equal(token.balanceOf(address(0x4E13)), 3 * PRICE);
    }

    function test_AListedSellerDoesNotHoldUpTheBuyersRefund() external {
        BlacklistingToken token = new BlacklistingToken();
        give(address(token));
        Sale memory sale = saleBy(seller, address(token), Step.Refund);
        token.list(seller, true);

        perform(stranger, stepCall(Step.Refund, sale));

        equal(budgetOf(sale.terms), 1 ether);
    }

    /// @notice A token has paid if it answers true, or if it has code and answers nothing.
    function test_WhatATokenAnswersToATransfer() external {
        answers(hex"60015f5260205ff3", true); // true
        answers(hex"60015f5260405ff3", true); // true, and more
        answers(hex"00", true); // nothing
        answers(hex"", false); // no code
        answers(hex"60205ff3", false); // false
        answers(hex"60025f5260205ff3", false); // neither true nor false
        answers(hex"601f5ff3", false); // less than a word
        answers(hex"60015f5260205ffd", false); // reverts, with a true word
        answers(hex"5f5ffd", false); // reverts, with nothing
        answers(hex"fe", false); // burns all it was given
    }

    function answers(bytes memory code, bool isPaid) internal {
        address token = give(address(new Token()));
        Sale memory sale = saleBy(seller, token, Step.Finalize);
        bytes memory call_ = stepCall(Step.Finalize, sale);
        VM.etch(token, code);

        perform(stranger, call_);

        isIn(sale, Status.Paid);
        equal(settlement.creditOf(token, seller), isPaid ? 0 : PRICE);
    }
}
